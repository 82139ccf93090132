//! A plan in plain language, for people who decide whether it may be asked.

use std::fmt::Write as _;

use super::plan::{Measure, Plan, Role};
use super::{ColumnId, MAX_CONDITIONS};

impl Plan {
    /// Who is counted, who is left out and why, the groups, and what is released. The release policy is not
    /// the plan's; it prints itself.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{}", self.title)?;
        writeln!(out, "Table {}; plan {}", self.table, self.digest())?;
        writeln!(out, "\nWho is counted: patients for whom all of this holds")?;
        for condition in self.conditions.iter().filter(|condition| condition.role.is_required()) {
            writeln!(out, "  - {}", condition.text)?;
        }
        if self.conditions.iter().any(|condition| condition.role == Role::Asked) {
            writeln!(out, "  - {}", self.counted)?;
        }
        writeln!(out, "\nWho is left out: everybody else, and in particular")?;
        writeln!(out, "  - patients without active consent for this purpose and kind of sponsor")?;
        if self.lookups.iter().any(|lookup| lookup.output == ColumnId::test(0)) {
            writeln!(
                out,
                "  - patients whose value is missing where it is tested or summed: a missing value fails a test and the \
                 test's negation alike; only \"is missing\" finds it"
            )?;
        }
        for axis in self.axes.iter().filter(|axis| self.lookups.iter().any(|lookup| lookup.output == axis.column)) {
            writeln!(out, "  - patients whose {} is in none of the groups below", axis.name)?;
        }
        for Measure { column, .. } in self.y.iter().chain(&self.z) {
            writeln!(
                out,
                "  - patients whose {} lies outside the bounds above: they are excluded, from the count too, not moved to \
                 the bound",
                column.name
            )?;
        }
        match self.axes.as_slice() {
            [] => writeln!(out, "\nGroups: one, of all who are counted")?,
            axes => {
                let sizes: Vec<String> = axes.iter().map(|axis| axis.size().to_string()).collect();
                let product = if axes.len() > 1 { format!(" ({})", sizes.join(" times ")) } else { String::new() };
                writeln!(out, "\nGroups: {}{product}, by", self.groups())?;
                for axis in axes {
                    let unit = axis.unit.as_ref().map(|unit| format!(" ({unit})")).unwrap_or_default();
                    let labels: Vec<&str> = axis.groups.iter().map(|group| group.label.as_str()).collect();
                    writeln!(out, "  - {}{unit}: {}", axis.name, labels.join("; "))?;
                }
            }
        }
        writeln!(out, "\nWhat is released for each group, in the form the policy allows")?;
        writeln!(out, "  - how many patients")?;
        let (y, z) = (self.y.as_ref().map(measure), self.z.as_ref().map(measure));
        let sums = ["the sum of", "the sum of squares of", "the sum of products of"];
        for ((asked, words), with_z) in self.asked.as_array().into_iter().zip(sums).zip([false, false, true]) {
            if let (true, Some(y)) = (asked, &y) {
                let second = z.as_ref().filter(|_| with_z).map(|z| format!(" and {z}")).unwrap_or_default();
                writeln!(out, "  - {words} {y}{second}")?;
            }
        }
        writeln!(
            out,
            "\nSize: {} lookups; {} of at most {MAX_CONDITIONS} conditions",
            self.lookups.len(),
            self.conditions.len()
        )
    }
}

fn measure(measure: &Measure) -> String {
    let Measure { column, offset, step, unit, .. } = measure;
    let name = &column.name;
    let unit = unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    match (offset.as_str(), step.as_str()) {
        ("0", "1") => format!("{name}{}", if unit.is_empty() { unit } else { format!(" (in{unit})") }),
        ("0", step) => format!("{name} (in steps of {step}{unit})"),
        (offset, step) => format!("{name} (in steps of {step}{unit}, counted from {offset})"),
    }
}
