//! `open`: the sponsor's nonce of a query with noise.

use cohortium_protocol::documents::Request;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{MemberKey, Statement, Transaction};
use cohortium_protocol::noise::{check_sponsor_nonce, sponsor_nonce};
use serde_json::json;

use super::super::args::OpenArgs;
use super::super::{Failure, Outcome, Report, Setting, setting};
use super::ask::{Unposted, post};
use crate::answers::{Posted, QueryDetail};

pub(crate) fn run(setting: &Setting, args: &OpenArgs) -> Outcome {
    let id = setting::digest("a query's id", &args.id)?;
    let charter = setting.charter()?;
    let (name, key) = setting.member(&charter)?;
    let Opened { request, posted, transaction } = open(setting, &id, (&name, &key))?;
    let already = if posted.already { "was open already" } else { "is open" };
    let text = format!(
        "Your nonce of {:?} {already}, transaction {transaction} in block {} at {}. The board opens its own next; then the sites \
         answer.\n",
        request.query.title, posted.height, posted.time
    );
    Ok(Report::new(text, json!({ "query": id, "id": transaction, "posted": posted })))
}

/// A nonce that is open.
pub(super) struct Opened {
    /// The request that commits to it.
    pub(super) request: Request,
    /// Where it stands.
    pub(super) posted: Posted,
    /// Its transaction.
    pub(super) transaction: Digest,
}

/// Opens the nonce that a query of this sponsor commits to, once every site is shown to have decided: the service's word for it
/// is not enough.
pub(super) fn open(setting: &Setting, id: &Digest, (name, key): (&str, &MemberKey)) -> Result<Opened, Failure> {
    let mut trusted = setting.trusted()?;
    let (request, query) = trusted.verified_query(id)?;
    let asked = &query.transaction.member;
    if *asked != *name {
        return Err(Failure::refused(format!("the query is {asked:?}'s, and so is its nonce; you are {name:?}")));
    }
    let nonce = sponsor_nonce(key, &request);
    // No noise; or another key, or a request that another program made.
    check_sponsor_nonce(&request, &nonce).map_err(Failure::refused)?;
    let QueryDetail { summary, nonces, .. } = trusted.client().query(id)?;
    match nonces {
        None => return Err(Failure::refused("the request asks for noise, and the service says nothing of its nonces")),
        Some(nonces) if !nonces.settled => {
            return Err(Failure::refused(format!(
                "a site may still decide about the query; nonces are opened when every site has decided or missed its time, and \
                 until {} at the latest",
                nonces.until
            )));
        }
        Some(_) => trusted.verified_decisions((&request, &query), &summary.sites, setting.now())?,
    }
    setting.keep(&trusted)?;
    let statement = Statement::SponsorNonce { request: request.digest(), nonce };
    let transaction = Transaction::sign(&request.ledger, name, statement, key);
    let posted = post(setting, trusted.client(), &transaction).map_err(|unposted| match unposted {
        Unposted::Refused(error) => error.into(),
        Unposted::Unclear(failure) => failure,
    })?;
    // The service's word that it took it is not that it stands.
    trusted.verified_transaction(&transaction.id())?;
    setting.keep(&trusted)?;
    Ok(Opened { request, posted, transaction: transaction.id() })
}
