//! Prints where the constraints of each standard shape go.
use cohortium_circuits::gadget::{cost, matrices};
use cohortium_protocol::shape::Shape;

fn main() {
    for shape in Shape::all() {
        let start = std::time::Instant::now();
        let built = matrices(&shape);
        let seconds = start.elapsed().as_secs_f64();
        let cost = cost::predict(&shape);
        println!(
            "{shape}: {} constraints of {}, {} public, {} variables",
            built.constraints(),
            (built.constraints() + built.inputs).next_power_of_two(),
            built.inputs,
            built.variables
        );
        println!("  {cost:?}");
        println!(
            "  non-zero entries of A, B, C {:?}; built in {seconds:.2} s; digest {}",
            built.density(),
            built.digest()
        );
    }
}
