//! The routes, from the state.

use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::SitePin;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Statement, Transaction};
use cohortium_verifier::ledger::{Dataset, Question, Refusal, State, Study};
use serde_json::{Value, json};

use super::{Answer, Inner};

fn missing() -> Answer {
    Answer::problem(404, "not-found", "there is no such thing on this ledger")
}

pub(super) fn answer(inner: &mut Inner, method: &str, target: &str, body: &[u8]) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = decode(path);
    let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
    let number = |name: &str| -> u64 {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    match (method, parts.as_slice()) {
        ("POST", ["transactions" | "queries"]) => post(inner, body),
        ("POST", ["plan"]) => plan(inner, body),
        ("GET", ["charter"]) => json_of(inner.state.charter()),
        ("GET", ["ledger"]) => ledger(inner),
        ("GET", ["keys"]) => {
            json_of(&inner.keys.iter().map(cohortium_keys::VerifyingKey::to_document).collect::<Vec<_>>())
        }
        ("GET", ["keys", id]) => {
            let key = inner.keys.iter().find(|key| key.id().to_string() == *id);
            key.map_or_else(missing, |key| json_of(&key.to_document()))
        }
        ("GET", ["checkpoint"]) => Answer::new(200, "text/plain", inner.note()),
        ("GET", ["consistency"]) => {
            let (from, to) = (number("from"), number("to"));
            match inner.state.tree().consistency(from, to) {
                Ok(path) => json_of(&json!({ "from": from, "to": to, "path": path })),
                Err(error) => Answer::problem(422, "range", &error.to_string()),
            }
        }
        ("GET", ["transactions", id]) => transaction(inner, id),
        ("GET", ["datasets"]) => {
            let all = inner.state.sites().iter().flat_map(|(name, site)| {
                site.tables.values().map(|dataset| dataset_json(&inner.state, name, dataset, false))
            });
            json_of(&json!({ "datasets": all.collect::<Vec<_>>() }))
        }
        ("GET", ["datasets", site, table]) => {
            let found = inner.state.sites().get(*site).and_then(|found| found.tables.get(*table));
            found.map_or_else(missing, |dataset| json_of(&dataset_json(&inner.state, site, dataset, true)))
        }
        ("GET", ["studies"]) => {
            let all = inner.state.studies().values().map(study_json);
            json_of(&json!({ "studies": all.collect::<Vec<_>>() }))
        }
        ("GET", ["studies", digest]) => {
            let study = digest.parse().ok().and_then(|digest: Digest| inner.state.studies().get(&digest));
            study.map_or_else(missing, study_detail)
        }
        ("GET", ["queries"]) => {
            let all = inner.state.queries().values().map(|question| query_json(inner, question));
            json_of(&json!({ "queries": all.collect::<Vec<_>>(), "next": null }))
        }
        ("GET", ["queries", id]) => {
            let question = id.parse().ok().and_then(|id| inner.state.query(&id));
            question.map_or_else(missing, |question| {
                let mut value = query_json(inner, question);
                let request = question.request.document.as_ref();
                value["request_document"] = serde_json::to_value(request).unwrap();
                value["plan"] = json!(request.plan);
                json_of(&value)
            })
        }
        ("GET", ["queries", id, "bundles", site]) => bundle(inner, id, site),
        ("GET", ["export"]) => {
            let mut lines = serde_json::to_string(&inner.founding()).unwrap() + "\n";
            for block in &inner.blocks {
                lines.push_str(&(serde_json::to_string(block).unwrap() + "\n"));
            }
            Answer::new(200, "application/x-ndjson", lines)
        }
        _ => missing(),
    }
}

fn json_of(value: &impl serde::Serialize) -> Answer {
    Answer::json(200, &serde_json::to_value(value).unwrap())
}

fn decode(path: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), path.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn refusal(refusal: &Refusal) -> Answer {
    Answer::problem(refusal.http_status(), refusal.rule(), &refusal.to_string())
}

fn post(inner: &mut Inner, body: &[u8]) -> Answer {
    let transaction = match Transaction::parse(body) {
        Ok(transaction) => transaction,
        Err(error) => return Answer::problem(400, "form", &error.to_string()),
    };
    let id = transaction.id();
    let (status, already) = match inner.admit(transaction) {
        Ok(_) => (201, false),
        Err(Refusal::Duplicate { .. }) => (200, true),
        Err(error) => return refusal(&error),
    };
    let index = inner.state.place(&id).unwrap();
    let (_, height, time) = &inner.transactions[index as usize];
    let mut value = json!({ "id": id, "index": index, "height": height, "time": time });
    if already {
        value["already"] = true.into();
    }
    Answer::json(status, &value)
}

fn ledger(inner: &Inner) -> Answer {
    let (state, charter) = (&inner.state, inner.state.charter());
    json_of(&json!({
        "ledger": state.ledger(), "name": charter.name, "founded": charter.founded, "charter": charter.digest(),
        "height": state.height(), "size": state.tree().len(), "time": state.time(), "block": state.tip(),
        "checkpoint": inner.note(), "members": charter.members, "verifying_keys": charter.verifying_keys,
        "accept_development_keys": charter.accept_development_keys,
        "consents": charter.consent_rules(), "acceptance_seconds": charter.acceptance_seconds, "answer_seconds": charter.answer_seconds,
        "opening_share": charter.opening_share,
    }))
}

fn transaction(inner: &Inner, id: &str) -> Answer {
    let Some(index) = id.parse().ok().and_then(|id| inner.state.place(&id)) else { return missing() };
    let (transaction, height, time) = &inner.transactions[index as usize];
    let size = inner.state.tree().len();
    json_of(&json!({
        "id": id, "index": index, "height": height, "time": time, "member": transaction.member,
        "kind": transaction.statement.kind(), "transaction": transaction,
        "inclusion": {
            "size": size, "root": inner.state.tree().root(),
            "path": inner.state.tree().inclusion(index, size).unwrap(), "checkpoint": inner.note(),
        },
    }))
}

fn dataset_json(state: &State, name: &str, dataset: &Dataset, whole: bool) -> Value {
    let site = &state.sites()[name];
    let manifest = &dataset.manifest.document;
    let document = serde_json::to_value(manifest.as_ref()).unwrap();
    let epoch = dataset.epoch.as_ref().map(|epoch| epoch.document.as_ref());
    let epoch_document = serde_json::to_value(epoch).unwrap();
    let floor = site.floor.as_ref().map(|floor| floor.document.as_ref());
    let consents: Vec<&str> =
        epoch.iter().flat_map(|epoch| epoch.columns()).map(|column| column.name.as_str()).collect();
    let mut value = json!({
        "site": name, "table": manifest.table(), "version": manifest.version(), "manifest": manifest.digest(),
        "created": document["created"], "vintage": document["vintage"], "declared_rows": document["declared_rows"], "shape": manifest.shape().name,
        "schema": dataset.schema.digest(), "description": dataset.schema.description(),
        "epoch": epoch.map(|epoch| json!({
            "number": epoch.number(), "created": epoch_document["created"], "digest": epoch.digest(),
        })),
        "consents": consents,
        "policy_floor": floor.map(|floor| json!({
            "number": floor.number, "digest": floor.policy.digest(), "words": floor.policy.describe(),
        })),
        "seeds": site.seeds.as_ref().map(|seeds| seeds.document.root),
        "registered": dataset.manifest.time,
    });
    if whole {
        value["schema_document"] = serde_json::to_value(dataset.schema.as_ref()).unwrap();
        value["manifest_document"] = document;
        value["epoch_document"] = epoch_document;
        value["policy_document"] = serde_json::to_value(floor.map(|floor| &floor.policy)).unwrap();
    }
    value
}

fn study_json(study: &Study) -> Value {
    let approval = &study.approval.document;
    let state = match (&study.suspended, study.amended) {
        (Some(_), _) => "suspended",
        (None, Some(_)) => "amended",
        (None, None) => "in force",
    };
    json!({
        "approval": approval.digest(), "study": approval.study, "ethics_reference": approval.ethics_reference,
        "board": study.board, "sponsor": approval.sponsor, "purpose": approval.consent.purpose(),
        "sponsor_class": approval.consent.sponsor(), "tables": approval.tables, "expires": approval.expires,
        "state": state, "reason": study.suspended.as_ref().map(|(_, reason)| reason),
        "queries": study.queries.len(), "posted": study.approval.time,
    })
}

fn study_detail(study: &Study) -> Answer {
    let mut value = study_json(study);
    let approval = study.approval.document.as_ref();
    value["document"] = serde_json::to_value(approval).unwrap();
    value["words"] = approval.describe().into();
    json_of(&value)
}

fn query_json(inner: &Inner, question: &Question) -> Value {
    let (charter, request) = (inner.state.charter(), &question.request.document);
    let worded = |value: Value, words: String| {
        let mut value = value;
        value["words"] = words.into();
        value
    };
    let status = question.status(charter, inner.now);
    let sites: serde_json::Map<String, Value> = question
        .sites
        .keys()
        .map(|site| {
            let status = question.site_status(site, charter, inner.now).unwrap();
            (site.clone(), worded(serde_json::to_value(&status).unwrap(), status.to_string()))
        })
        .collect();
    json!({
        "id": question.id, "request": request.digest(), "study": request.query.study, "approval": request.approval,
        "sponsor": question.sponsor, "sequence": request.sequence, "title": request.query.title,
        "posted": question.request.time, "status": worded(serde_json::to_value(status).unwrap(), status.to_string()),
        "sites": sites,
    })
}

fn bundle(inner: &Inner, id: &str, site: &str) -> Answer {
    let Some(question) = id.parse().ok().and_then(|id| inner.state.query(&id)) else { return missing() };
    let request = question.request.document.digest();
    let released = question.sites.get(site).and_then(|asked| asked.release.as_ref());
    let Some(released) = released else { return missing() };
    let (transaction, ..) = &inner.transactions[released.index as usize];
    let Statement::Release { proof, .. } = &transaction.statement else { return missing() };
    let mut bundle = inner.state.bundle(site, &request, proof).unwrap();
    let mut signed = |index: u64| {
        let (transaction, ..) = inner.transactions.get(index as usize)?;
        Some((transaction.member.clone(), transaction.signature))
    };
    let size = inner.state.tree().len();
    bundle.ledger = Some(inner.state.evidence(site, &request, &inner.note(), size, &mut signed).unwrap());
    json_of(&bundle)
}

/// Says only what the client's request needs: the pins and the next number.
fn plan(inner: &Inner, body: &[u8]) -> Answer {
    let question: Value = serde_json::from_slice(body).unwrap();
    let approval: Digest = question["approval"].as_str().unwrap().parse().unwrap();
    let Some(study) = inner.state.studies().get(&approval) else { return missing() };
    let table = question["query"]["table"].as_str().unwrap();
    let sites: Vec<Value> =
        question["sites"].as_array().unwrap().iter().map(|site| plan_site(inner, site, table)).collect();
    let allowed = sites.iter().all(|site| site["allowed"] == true);
    json_of(&json!({
        "allowed": allowed, "explain": "Counted: everybody.", "sites": sites, "sequence": study.queries.len() + 1,
    }))
}

fn plan_site(inner: &Inner, name: &Value, table: &str) -> Value {
    let name = name.as_str().unwrap();
    let refused = |reason: &str| json!({ "site": name, "allowed": false, "rule": "unknown", "reason": reason });
    let Some(site) = inner.state.sites().get(name) else { return refused("it has registered nothing") };
    let Some(dataset) = site.tables.get(table) else { return refused("it has no such table") };
    let (Some(epoch), Some(floor)) = (&dataset.epoch, &site.floor) else { return refused("it has no epoch or floor") };
    let manifest = &dataset.manifest.document;
    let pins = SitePin {
        site: name.to_owned(),
        manifest: manifest.digest(),
        epoch: epoch.document.digest(),
        policy_floor: floor.document.policy.digest(),
        shape: ShapeRef::to(manifest.shape()),
        verifying_key: inner.state.charter().verifying_key(manifest.shape().name).unwrap(),
        seeds: site.seeds.as_ref().map(|seeds| seeds.document.root),
        seed_leaf: None,
    };
    json!({ "site": name, "allowed": true, "policy": floor.document.policy.describe(), "pins": pins })
}
