//! What a query with noise has to pin beside everything else: the shape that proves noise, and the next seed.

use cohortium_protocol::documents::{Approval, Noise, Request, SitePin};
use cohortium_protocol::noise::nonces_for;
use cohortium_protocol::shape::Shape;

use super::refusal::Refusal;
use super::state::{Dataset, Site, State};

impl Site {
    /// The leaf of its current seed tree that the next query has; nothing without a tree. Beyond the tree's leaves there is
    /// none any more, until the site registers another.
    pub fn next_leaf(&self) -> Option<u64> {
        self.seeds.as_ref().map(|seeds| self.asked.saturating_sub(seeds.document.first))
    }
}

impl State {
    /// The shape that a site's answer is proved in: its table's, or the one that proves noise over such a table.
    pub(super) fn required_shape(&self, request: &Request, site: &str, dataset: &Dataset) -> Result<Shape, Refusal> {
        let shape = *dataset.manifest.document.shape();
        if request.noise == Noise::None {
            return Ok(shape);
        }
        (self.noise_shape)(&shape).ok_or_else(|| Refusal::Noise {
            site: site.to_owned(),
            reason: format!("no circuit of this version proves noise over tables of shape {shape}; ask without noise"),
        })
    }
}

/// With noise, whether the approval has a nonce for the query, and a site's pin is the next leaf of its seed tree.
pub(super) fn check_leaf(pin: &SitePin, site: &Site, request: &Request, approval: &Approval) -> Result<(), Refusal> {
    if request.noise == Noise::None {
        return Ok(());
    }
    let refuse = |reason: String| Err(Refusal::Noise { site: pin.site.clone(), reason });
    if let Err(error) = nonces_for(approval, request.sequence) {
        return refuse(error.to_string());
    }
    let (Some(next), Some(seeds)) = (site.next_leaf(), &site.seeds) else {
        return refuse("it has no seed tree".to_owned());
    };
    let (number, leaves) = (seeds.document.number, seeds.document.leaves);
    if next >= u64::from(leaves) {
        return refuse(format!("all {leaves} leaves of its seed tree {number} are taken; the site registers another"));
    }
    match pin.seed_leaf.map(u64::from) {
        Some(leaf) if leaf == next => Ok(()),
        leaf => {
            let found = leaf.map_or_else(|| "none".to_owned(), |leaf| leaf.to_string());
            Err(Refusal::NotActive { site: pin.site.clone(), what: "seed leaf", found, active: next.to_string() })
        }
    }
}
