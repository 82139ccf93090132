//! The disclosure rules of networks that exist, as named policies.

use super::document::{Policy, Sums};
use super::release::next_edge;

/// A named policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// Whose rule it is.
    pub network: &'static str,
    /// The network's own smallest cell.
    pub min_cell: u32,
    /// The network's own rounding; 1 if counts are not rounded.
    pub rounding: u32,
}

/// The presets. Where a network's smallest cell is no lower edge of its own rounding, so that its lowest
/// value names a count, [`Preset::policy`] widens it and [`Preset::describe`] says so.
pub const PRESETS: [Preset; 7] = [
    Preset { name: "datashield", network: "DataSHIELD", min_cell: 3, rounding: 1 },
    Preset { name: "ohdsi", network: "OHDSI", min_cell: 5, rounding: 1 },
    Preset { name: "opensafely", network: "OpenSAFELY", min_cell: 8, rounding: 5 },
    Preset { name: "hdr-uk", network: "HDR UK", min_cell: 10, rounding: 10 },
    Preset { name: "pcornet", network: "PCORnet, CMS", min_cell: 11, rounding: 1 },
    Preset { name: "shrine", network: "SHRINE", min_cell: 10, rounding: 1 },
    Preset { name: "mii", network: "Medical Informatics Initiative, Germany", min_cell: 20, rounding: 1 },
];

impl Preset {
    /// The preset with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        PRESETS.into_iter().find(|preset| preset.name == name)
    }

    /// The smallest cell, widened to the next lower edge where the network's own is none.
    pub fn widened_min_cell(&self) -> u32 {
        next_edge(self.min_cell, self.rounding)
    }

    /// The policy: empty groups suppressed like small ones, sums restrained. `None` never happens: a test
    /// goes through all presets.
    pub fn policy(&self) -> Option<Policy> {
        Policy::new(self.widened_min_cell(), self.rounding, false, Sums::Restrained).ok()
    }

    /// The preset in plain words.
    pub fn describe(&self) -> String {
        let widened = self.widened_min_cell();
        let rounding =
            if self.rounding == 1 { "counts exact".into() } else { format!("counts rounded to {}", self.rounding) };
        let mut text = format!("{} ({}): smallest cell {widened}, {rounding}", self.name, self.network);
        if widened != self.min_cell {
            text.push_str(&format!(
                "; widened from {}, which is no lower edge of rounding to {}",
                self.min_cell, self.rounding
            ));
        }
        text
    }
}
