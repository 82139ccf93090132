//! Whether every site has decided about a query, shown by the sites' own signatures: what a sponsor looks at before it opens a
//! nonce.

use std::collections::BTreeMap;

use cohortium_protocol::documents::Request;
use cohortium_protocol::ledger::{StatementContent, Timestamp, transaction_id};
use cohortium_verifier::ledger::SiteStatus;

use crate::answers::Worded;
use crate::trust_error::TrustError;
use crate::trusted::{TrustedLedger, VerifiedTransaction};

/// How far this machine's clock may be ahead, in seconds.
const CLOCKS: u64 = 300;

impl TrustedLedger {
    /// Fetches every named site's acceptance or refusal of a query and checks it like any transaction. A site that let its
    /// time pass has signed nothing: then that time has to be over, counted from when the query stood on the ledger by its
    /// operator's signature, and by the ledger's signed time or this machine's own, `now`. A site that may still decide is
    /// refused.
    ///
    /// A nonce that is opened while a site may still decide tells that site its noise in time to decide by it. A service in
    /// league with a site has a reason to say that all have decided.
    pub fn verified_decisions(
        &mut self,
        (request, query): (&Request, &VerifiedTransaction),
        sites: &BTreeMap<String, Worded<SiteStatus>>,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let asked = request.digest();
        for pin in &request.sites {
            let undecided = |found: String| TrustError::Undecided { site: pin.site.clone(), request: asked, found };
            let content = match sites.get(&pin.site).map(|worded| &worded.state) {
                None => return Err(undecided("the service does not say what has become of it".to_owned())),
                Some(status @ (SiteStatus::Submitted { .. } | SiteStatus::AwaitingApproval { .. })) => {
                    return Err(undecided(status.to_string()));
                }
                Some(SiteStatus::Expired { .. }) => {
                    let until = self.stood_by(query)?.plus(self.charter().acceptance_seconds);
                    let signed = self.checkpoint().map_or(Timestamp::default(), |checkpoint| checkpoint.time);
                    if signed > until || now > until.plus(CLOCKS) {
                        continue;
                    }
                    return Err(undecided(format!(
                        "it may decide until {until}, and the ledger's signed time is {signed}"
                    )));
                }
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

    /// A signed time by which a transaction stood on the ledger: of its block's checkpoint. The service is believed for the
    /// height only: any checkpoint that includes the transaction is of its block's time or later.
    fn stood_by(&mut self, transaction: &VerifiedTransaction) -> Result<Timestamp, TrustError> {
        let id = transaction.transaction.id();
        let height = self.client().transaction(&id)?.height;
        let note = self.client().block_checkpoint(height)?;
        let checkpoint = self.check_note(&note)?;
        if checkpoint.size <= transaction.index {
            let found = format!("a checkpoint of {} transactions, before it", checkpoint.size);
            return Err(TrustError::OtherContent { what: "block of the transaction", asked: id, found });
        }
        Ok(checkpoint.time)
    }
}
