//! Times set-up, loading and a proof of a standard shape's circuit, with a blank (unsatisfying) assignment.
use std::time::Instant;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use cohortium_keys::KeyCache;
use cohortium_protocol::shape::Shape;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target/cohortium-keys".to_owned());
    let cache = KeyCache::new(folder);
    for shape in Shape::STANDARD {
        let start = Instant::now();
        let key = cache.get_or_make(shape, &mut rand::rngs::OsRng, &mut |what| println!("{shape}: {what:?}"))?;
        println!("{shape}: key in {:.2} s", start.elapsed().as_secs_f64());
        let rng = &mut rand::thread_rng();
        let (assignment, _) = cohortium_circuits::gadget::assignment(
            &shape,
            &vec![Fr::from(0u64); cohortium_protocol::statement::QueryPublic::count(&shape)],
            &cohortium_circuits::messages::Messages::blank(&shape),
        );
        let _ = Fr::rand(rng);
        for _ in 0..2 {
            let start = Instant::now();
            key.prove(&assignment, &mut rand::rngs::OsRng)?;
            println!("{shape}: proof in {:.2} s", start.elapsed().as_secs_f64());
        }
    }
    Ok(())
}
