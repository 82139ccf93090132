//! The disclosure rules of networks that exist, as named policies; and our own, `strict`.

use super::document::{Policy, Sums};
use super::limits::{Limits, MinSites, Quota, Rate, SitesWhen, time};
use super::release::next_edge;

/// A named policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// Another name for it.
    pub alias: Option<&'static str>,
    /// Whose rule it is.
    pub network: &'static str,
    /// The network's own smallest cell.
    pub min_cell: u32,
    /// The network's own rounding; 1 if counts are not rounded.
    pub rounding: u32,
    /// How many sites there have to be.
    pub min_sites: Option<MinSites>,
    /// Groups along one grouping at most.
    pub max_levels: Option<u32>,
    /// How many queries of a study in what time.
    pub rates: &'static [Rate],
    /// How many that read the same, in what time, lock a study out.
    pub repeats: Option<Rate>,
    /// In what it differs from the network's own rules: whole sentences.
    pub differs: &'static str,
}

/// The name of the preset to take where there is no reason for another. Nothing takes it by itself: without a policy
/// nothing is released.
pub const DEFAULT_PRESET: &str = "strict";

/// What most of the presets do not have.
const PLAIN: Preset = Preset {
    name: "",
    alias: None,
    network: "",
    min_cell: 0,
    rounding: 1,
    min_sites: None,
    max_levels: None,
    rates: &[],
    repeats: None,
    differs: "",
};

const DAY: u64 = 86_400;

/// The presets. Where a network's smallest cell is no lower edge of its own rounding, so that its lowest
/// value names a count, [`Preset::policy`] widens it and [`Preset::describe`] says so.
pub const PRESETS: [Preset; 8] = [
    Preset {
        name: DEFAULT_PRESET,
        network: "Cohortium's own",
        min_cell: 8,
        rounding: 5,
        min_sites: Some(MinSites { sites: 3, when: SitesWhen::Pooled }),
        differs: "Nobody else's rule.",
        ..PLAIN
    },
    Preset {
        name: "datashield",
        network: "DataSHIELD",
        min_cell: 3,
        max_levels: Some(40),
        differs: "There the number of groups is also limited by the number of rows. Its smallest subset is the smallest cell here.",
        ..PLAIN
    },
    Preset {
        name: "ohdsi",
        network: "OHDSI",
        min_cell: 5,
        differs: "There further cells are hidden, so that a total does not give a small one away. Here no total is released beside \
                  its groups; one that was asked before is the guard's business.",
        ..PLAIN
    },
    Preset {
        name: "opensafely",
        network: "OpenSAFELY",
        min_cell: 8,
        rounding: 5,
        differs: "There people check each output. Totals are sums of rounded cells, as here.",
        ..PLAIN
    },
    Preset {
        name: "hdruk",
        alias: Some("hdr-uk"),
        network: "HDR UK",
        min_cell: 10,
        rounding: 10,
        differs: "There a released 10 stands for 10 to 14 only, while every other value stands for ten counts; so 10 is widened to 15 \
                  here.",
        ..PLAIN
    },
    Preset {
        name: "pcornet",
        network: "PCORnet, CMS",
        min_cell: 11,
        differs: "Derived cells need no rule of their own here: nothing is derived from a suppressed number.",
        ..PLAIN
    },
    Preset {
        name: "shrine",
        network: "SHRINE",
        min_cell: 10,
        repeats: Some(Rate { queries: 7, seconds: 30 * DAY }),
        differs: "There all counts have noise; here they have none. There a person is locked out; here a study, at one site.",
        ..PLAIN
    },
    Preset {
        name: "mii",
        network: "Medical Informatics Initiative, Germany",
        min_cell: 20,
        min_sites: Some(MinSites { sites: 3, when: SitesWhen::Always }),
        rates: &[Rate { queries: 3, seconds: 60 }, Rate { queries: 50, seconds: 7 * DAY }],
        differs: "There the rates are a person's; here a study's, at one site.",
        ..PLAIN
    },
];

impl Preset {
    /// The preset with this name or alias.
    pub fn by_name(name: &str) -> Option<Self> {
        PRESETS.into_iter().find(|preset| preset.name == name || preset.alias == Some(name))
    }

    /// The smallest cell, widened to the next lower edge where the network's own is none.
    pub fn widened_min_cell(&self) -> u32 {
        next_edge(self.min_cell, self.rounding)
    }

    /// The policy: empty groups suppressed like small ones, sums restrained. `None` never happens: a test
    /// goes through all presets.
    pub fn policy(&self) -> Option<Policy> {
        let policy = Policy::new(self.widened_min_cell(), self.rounding, false, Sums::Restrained).ok()?;
        policy.with_limits(self.limits()).ok()
    }

    fn limits(&self) -> Limits {
        let quota = Quota { rates: self.rates.to_vec(), repeats: self.repeats };
        Limits { min_sites: self.min_sites, max_levels: self.max_levels, quota }
    }

    /// The preset in plain words.
    pub fn describe(&self) -> String {
        let widened = self.widened_min_cell();
        let rounding =
            if self.rounding == 1 { "counts exact".into() } else { format!("counts rounded to {}", self.rounding) };
        let limits = self.limits().describe();
        let mut text = format!("{} ({}): smallest cell {widened}, {rounding}{limits}", self.name, self.network);
        if widened != self.min_cell {
            text.push_str(&format!(
                "; widened from {}, which is no lower edge of rounding to {}",
                self.min_cell, self.rounding
            ));
        }
        text
    }

    /// The table of all presets, in Markdown, as the book has it. A test compares the two, and writes it if asked.
    pub fn table() -> String {
        let mut text = String::from(
            "| name | network | smallest cell | rounding | sites | groups | queries of a study | what differs there |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for preset in PRESETS {
            let Self { name, alias, network, min_cell, rounding, min_sites, max_levels, rates, repeats, differs } =
                preset;
            let alias = alias.map(|alias| format!(", `{alias}`")).unwrap_or_default();
            let widened = preset.widened_min_cell();
            let cell = if widened == min_cell {
                widened.to_string()
            } else {
                format!("{widened} (widened from {min_cell}, which is no lower edge)")
            };
            let rounding = if rounding == 1 { String::new() } else { rounding.to_string() };
            let sites =
                min_sites.map(|MinSites { sites, when }| format!("{sites}, {}", when.name())).unwrap_or_default();
            let levels = max_levels.map(|levels| levels.to_string()).unwrap_or_default();
            let rates = rates.iter().map(|rate| format!("{} in {}", rate.queries, time(rate.seconds)));
            let repeats =
                repeats.map(|rate| format!("locked out after {} alike in {}", rate.queries, time(rate.seconds)));
            let queries = rates.chain(repeats).collect::<Vec<_>>().join(", ");
            let cells =
                [format!("`{name}`{alias}"), network.into(), cell, rounding, sites, levels, queries, differs.into()];
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }
}
