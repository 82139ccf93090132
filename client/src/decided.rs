//! Whether every site has decided about a query, shown by the sites' own signatures: what a sponsor looks at before it opens a
//! nonce.

use std::collections::BTreeMap;

use cohortium_protocol::documents::Request;
use cohortium_protocol::ledger::{StatementContent, transaction_id};
use cohortium_verifier::ledger::SiteStatus;

use crate::answers::Worded;
use crate::trust_error::TrustError;
use crate::trusted::TrustedLedger;

impl TrustedLedger {
    /// Fetches every named site's acceptance or refusal and checks it like any transaction. Of a site that, as the service
    /// says, let its time pass, there is none: then the ledger's signed time has to be later than the end of its time, of
    /// which the service is believed. A site that may still decide is refused.
    ///
    /// A nonce that is opened while a site may still decide tells that site its noise in time to decide by it. A service in
    /// league with a site has a reason to say that all have decided.
    pub fn verified_decisions(
        &mut self,
        request: &Request,
        sites: &BTreeMap<String, Worded<SiteStatus>>,
    ) -> Result<(), TrustError> {
        let asked = request.digest();
        for pin in &request.sites {
            let undecided = |found: String| TrustError::Undecided { site: pin.site.clone(), request: asked, found };
            let content = match sites.get(&pin.site).map(|worded| &worded.state) {
                None => return Err(undecided("the service does not say what has become of it".to_owned())),
                Some(status @ (SiteStatus::Submitted { .. } | SiteStatus::AwaitingApproval { .. })) => {
                    return Err(undecided(status.to_string()));
                }
                Some(SiteStatus::Expired { since }) => match self.checkpoint() {
                    Some(checkpoint) if checkpoint.time > *since => continue,
                    _ => return Err(undecided(format!("the ledger's signed time is not later than {since}"))),
                },
                Some(SiteStatus::Declined { reason, .. }) => {
                    StatementContent::Reasoned { kind: "decline", about: asked, reason }
                }
                Some(
                    SiteStatus::Accepted { .. }
                    | SiteStatus::AwaitingBeacon { .. }
                    | SiteStatus::Answered { .. }
                    | SiteStatus::WithheldAfterAcceptance { .. }
                    | SiteStatus::Void { .. },
                ) => StatementContent::Accept(asked),
            };
            self.verified_transaction(&transaction_id(self.ledger(), &pin.site, &content.digest()))?;
        }
        Ok(())
    }
}
