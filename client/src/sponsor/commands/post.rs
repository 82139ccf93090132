//! `sign` and `post`: for people who carry files, or use other means to send them.

use cohortium_protocol::documents::Request;
use cohortium_protocol::ledger::{MAX_TRANSACTION_BYTES, Statement, Transaction};
use serde_json::json;

use super::super::args::{PostArgs, SignArgs};
use super::super::{Failure, Outcome, Report, Setting};
use super::ask::Unposted;
use super::{ask, pretty};
use crate::files;
use crate::files::Readers;

pub(crate) fn sign(setting: &Setting, args: &SignArgs) -> Outcome {
    let text = files::read_text(&args.request, MAX_TRANSACTION_BYTES as u64)?;
    let path = args.request.display();
    let request = Request::parse(&text).map_err(|error| Failure::refused(format!("{path}: {error}")))?;
    let charter = setting.charter()?;
    let (name, key) = setting.member(&charter)?;
    let ledger = charter.ledger();
    if request.ledger != ledger {
        return Err(Failure::refused(format!(
            "{path} is for the ledger {:?}; your charter's is {ledger:?}. Make the request again",
            request.ledger
        )));
    }
    let digest = request.digest();
    let transaction = Transaction::sign(&ledger, &name, Statement::Query { request: Box::new(request) }, &key);
    files::write(&args.out, &pretty(&transaction), Readers::Anyone)?;
    let id = transaction.id();
    let text = format!("Request {digest}, signed by {name:?}: transaction {id}\nWritten to {}.\n", args.out.display());
    Ok(Report::new(text, json!({ "id": id, "request": digest, "member": name, "out": args.out })))
}

pub(crate) fn post(setting: &Setting, args: &PostArgs) -> Outcome {
    let bytes = files::read(&args.transaction, MAX_TRANSACTION_BYTES as u64)?;
    let path = args.transaction.display();
    let transaction = Transaction::parse(&bytes).map_err(|error| Failure::refused(format!("{path}: {error}")))?;
    let client = setting.client()?;
    let posted = ask::post(setting, &client, &transaction).map_err(|unposted| match unposted {
        Unposted::Refused(error) => error.into(),
        Unposted::Unclear(failure) => failure,
    })?;
    let already = if posted.already { "It was there already: transaction" } else { "Posted as transaction" };
    let text =
        format!("{already} {} at place {}, in block {} at {}.\n", posted.id, posted.index, posted.height, posted.time);
    Ok(Report::new(text, super::value(&posted)))
}
