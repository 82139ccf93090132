//! Every field of every document at its extremes, with everything that depends on it made to agree: a file
//! that does not read, or a refusal at one of the steps that the field can reach; never a panic, and never taken.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::{EpochDocument, ManifestDocument, RegisteredColumn, ShapeRef};
use cohortium_protocol::documents::Request;
use cohortium_protocol::table::{ColumnSpec, Schema, TAG_LIMBS};
use cohortium_verifier::Step;
use serde_json::Value;

use crate::common::{Rich, rich};
use crate::extreme_values::{Case, cases};
use crate::secrets::Secrets;
use crate::{Forged, verdict};

/// What becomes of an extreme.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Outcome {
    /// The file does not read.
    Unread,
    /// It says the same in other words.
    Same,
    /// Agreement has made it say the same again.
    Undone,
    /// The audit refuses it at this step.
    At(Step),
    /// A step refuses it without a reason.
    Silent(Step),
    /// It passes.
    Accepted,
    /// The program stops.
    Panicked,
}

use Outcome::{Same, Undone, Unread};

const ANCHORS: Outcome = Outcome::At(Step::Anchors);
const REGISTRATION: Outcome = Outcome::At(Step::Registration);
const PLAN: Outcome = Outcome::At(Step::Plan);
const POLICY: Outcome = Outcome::At(Step::Policy);
const RELEASE: Outcome = Outcome::At(Step::Release);
const COMMITMENTS: Outcome = Outcome::At(Step::Commitments);
const OPENINGS: Outcome = Outcome::At(Step::Openings);
const PROOF: Outcome = Outcome::At(Step::Proof);

/// What becomes of the extremes below a path: all of these, and nothing else. The first path that fits counts;
/// `*` is any place of a list. What only the context digest binds ends at the openings, and at the proof when
/// these are made anew.
const RULES: &[(&str, &[Outcome])] = &[
    ("/site", &[Unread, REGISTRATION, PROOF]),
    ("/request/ledger", &[Unread, OPENINGS, PROOF]),
    ("/request/sequence", &[Unread, OPENINGS, PROOF]),
    ("/request/sponsor_nonce", &[Unread, OPENINGS, PROOF]),
    ("/request/approval", &[Unread, PLAN]),
    ("/request/schema", &[Unread, PLAN]),
    ("/request/plan", &[Unread, PLAN]),
    ("/request/sites/0/site", &[Unread, ANCHORS]),
    ("/request/sites/0/verifying_key", &[Unread, ANCHORS]),
    ("/request/sites/0", &[Unread, REGISTRATION]),
    ("/request/sites", &[Unread, OPENINGS, PROOF]),
    ("/request/query/format", &[Unread]),
    ("/request/query/title", &[Unread, POLICY, PROOF]),
    ("/request/query/table", &[Unread, PLAN, PROOF]),
    ("/request/query/study", &[Unread, PLAN, PROOF]),
    ("/request/query/purpose", &[Unread, PLAN, COMMITMENTS]),
    ("/request/query/sponsor_class", &[Unread, PLAN, COMMITMENTS]),
    ("/request/query/where", &[Unread, PLAN, POLICY, COMMITMENTS, PROOF]),
    ("/request/query/group_by", &[Unread, PLAN, POLICY, RELEASE, COMMITMENTS, PROOF]),
    ("/request/query/measures", &[Unread, PLAN, POLICY, RELEASE, PROOF]),
    ("/request", &[Unread]),
    ("/approval/study", &[Unread, PLAN, PROOF]),
    ("/approval/ethics_reference", &[Unread, OPENINGS, PROOF]),
    ("/approval/sponsor", &[Unread, OPENINGS, PROOF]),
    ("/approval/purpose", &[Unread, PLAN, COMMITMENTS]),
    ("/approval/sponsor_class", &[Unread, PLAN, COMMITMENTS]),
    ("/approval/tables", &[Unread, PLAN, OPENINGS, PROOF]),
    ("/approval/columns", &[Unread, PLAN, OPENINGS, PROOF]),
    ("/approval/policy", &[Unread, POLICY, RELEASE, OPENINGS, PROOF]),
    // The first of two plans alone, and the board names the other.
    ("/approval/exact_plans", &[Unread, Undone, POLICY, OPENINGS, PROOF]),
    ("/approval/expires", &[Unread, OPENINGS, PROOF]),
    ("/approval", &[Unread]),
    ("/policy_floor", &[Unread, POLICY, RELEASE, OPENINGS, PROOF]),
    ("/schema/table", &[Unread, REGISTRATION, PROOF]),
    ("/schema/version", &[Unread, POLICY, PROOF]),
    ("/schema/description", &[Unread, POLICY, PROOF]),
    ("/schema/columns/*/name", &[Unread, REGISTRATION, PLAN, PROOF]),
    ("/schema/columns/*/description", &[Unread, POLICY, PROOF]),
    ("/schema/columns/*/kind", &[Unread]),
    ("/schema/columns/*/unit", &[Unread, POLICY, PROOF]),
    ("/schema/columns/*/step", &[Unread]),
    // Codes in another order are the same codes.
    ("/schema/columns/*/codes", &[Unread, Same, PLAN, POLICY, RELEASE, PROOF]),
    ("/schema/columns", &[Unread, REGISTRATION, PLAN, POLICY, PROOF]),
    ("/schema", &[Unread]),
    ("/manifest/site", &[Unread, REGISTRATION, PROOF]),
    ("/manifest/table", &[Unread, REGISTRATION, PROOF]),
    ("/manifest/version", &[Unread, OPENINGS, PROOF]),
    ("/manifest/schema", &[Unread, REGISTRATION]),
    ("/manifest/shape", &[Unread, REGISTRATION]),
    ("/manifest/declared_rows", &[Unread, REGISTRATION, RELEASE, PROOF]),
    ("/manifest/created", &[Unread, OPENINGS, PROOF]),
    ("/manifest/vintage", &[Unread, OPENINGS, PROOF]),
    ("/manifest/columns/*/commitment", &[Unread, COMMITMENTS, OPENINGS, PROOF]),
    ("/manifest/columns", &[Unread, REGISTRATION]),
    ("/manifest", &[Unread]),
    ("/epoch/site", &[Unread, REGISTRATION, PROOF]),
    ("/epoch/table", &[Unread, REGISTRATION, PROOF]),
    ("/epoch/number", &[Unread, OPENINGS, PROOF]),
    ("/epoch/manifest", &[Unread, REGISTRATION]),
    ("/epoch/shape", &[Unread, REGISTRATION]),
    ("/epoch/declared_rows", &[Unread, REGISTRATION, RELEASE, PROOF]),
    ("/epoch/created", &[Unread, OPENINGS, PROOF]),
    ("/epoch/record/*", &[Unread, OPENINGS, PROOF]),
    ("/epoch/columns", &[Unread, COMMITMENTS, OPENINGS, PROOF]),
    ("/epoch", &[Unread]),
];

/// Whether a rule's path begins the path.
fn begins(path: &str, rule: &str) -> bool {
    let mut parts = path.split('/');
    rule.split('/').all(|rule| parts.next().is_some_and(|part| rule == part || rule == "*"))
}

/// Makes the other documents say what the changed one says.
fn follow(bundle: &mut Bundle, path: &str) {
    let leads = |document: &str| path.starts_with(&format!("/{document}"));
    let mut manifest = ManifestDocument::from(bundle.manifest.clone());
    let mut epoch = EpochDocument::from(bundle.epoch.clone());
    if leads("epoch") {
        let EpochDocument { site, table, shape, declared_rows, .. } = epoch.clone();
        manifest = ManifestDocument { site, table, shape, declared_rows, ..manifest };
    }
    if leads("schema") {
        manifest.table = bundle.schema.table().to_owned();
        let tags = manifest.columns.split_off(manifest.columns.len() - TAG_LIMBS);
        let held = std::mem::take(&mut manifest.columns);
        // A column of another name has the points of the one in its place.
        let column = |(place, column): (usize, &ColumnSpec)| {
            let found = held.iter().find(|held| held.name == column.name()).unwrap_or(&held[place % held.len()]);
            RegisteredColumn { name: column.name().to_owned(), ..found.clone() }
        };
        manifest.columns = bundle.schema.columns().iter().enumerate().map(column).chain(tags).collect();
    }
    if leads("site") {
        manifest.site.clone_from(&bundle.site);
    }
    let Bundle { site, request, approval, schema, .. } = bundle;
    let named = |table: &str| {
        let (version, description) = (schema.version(), schema.description().to_owned());
        Schema::new(table.to_owned(), version, description, schema.columns().to_vec())
    };
    // Names of tables are stricter in schemas than elsewhere.
    if leads("request") {
        if let Ok(renamed) = named(&request.query.table) {
            *schema = renamed;
            manifest.table.clone_from(&request.query.table);
        }
        approval.study.clone_from(&request.query.study);
        approval.consent = request.query.consent.clone();
    } else {
        if let Ok(renamed) = named(&manifest.table) {
            *schema = renamed;
        }
        request.query.table.clone_from(&manifest.table);
        request.query.study.clone_from(&approval.study);
        request.query.consent = approval.consent.clone();
    }
    if !leads("approval/tables") {
        approval.tables = vec![manifest.table.clone()];
    }
    site.clone_from(&manifest.site);
    let ManifestDocument { site, table, shape, declared_rows, .. } = manifest.clone();
    epoch = EpochDocument { site, table, shape, declared_rows, ..epoch };
    (bundle.manifest, bundle.epoch) = (manifest.try_into().unwrap(), epoch.try_into().unwrap());
    if !leads("request/sites/0/shape") {
        bundle.request.sites[0].shape = ShapeRef::to(bundle.manifest.shape());
    }
}

/// Makes manifest and epoch name the digests of what they are over, unless it is these that were changed.
fn registered(bundle: &mut Bundle, path: &str) {
    let mut manifest = ManifestDocument::from(bundle.manifest.clone());
    if path != "/manifest/schema" {
        manifest.schema = bundle.schema.digest();
    }
    bundle.manifest = manifest.try_into().unwrap();
    let mut epoch = EpochDocument::from(bundle.epoch.clone());
    if path != "/epoch/manifest" {
        epoch.manifest = bundle.manifest.digest();
    }
    bundle.epoch = epoch.try_into().unwrap();
}

/// Puts a change to the request back that agreement undid: of its query there is none.
fn put_back(request: &mut Request, case: &Case) {
    if let Some(path) = case.path.strip_prefix("/request").filter(|path| !path.starts_with("/query")) {
        let mut value = serde_json::to_value(&*request).unwrap();
        *value.pointer_mut(path).unwrap() = case.value.clone();
        *request = serde_json::from_value(value).unwrap();
    }
}

/// What the audit says.
fn audited(forged: &Forged, good: &Bundle) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| verdict(&forged.bundle, &forged.anchors))) {
        Err(_) => Outcome::Panicked,
        Ok(Ok(())) if forged.bundle == *good => Undone,
        Ok(Ok(())) => Outcome::Accepted,
        Ok(Err(error)) if error.to_string().is_empty() => Outcome::Silent(error.step),
        Ok(Err(error)) => Outcome::At(error.step),
    }
}

/// What becomes of a case: as it is read, when digests agree, when a board has been told of all of it, and with
/// new openings.
fn outcomes(case: &Case, whole: &Value, rich: &Rich, secrets: &Secrets) -> Vec<Outcome> {
    let mut value = whole.clone();
    *value.pointer_mut(&case.path).unwrap() = case.value.clone();
    let file = value.to_string();
    let bundle = match catch_unwind(|| Bundle::parse(file.as_bytes())) {
        Err(_) => return vec![Outcome::Panicked],
        Ok(Err(_)) => return vec![Unread],
        Ok(Ok(bundle)) if bundle == rich.bundle => return vec![Same],
        Ok(Ok(bundle)) => bundle,
    };
    let mut told_digests = Forged { bundle: bundle.clone(), anchors: rich.anchors.clone() };
    registered(&mut told_digests.bundle, &case.path);
    told_digests.agree();
    put_back(&mut told_digests.bundle.request, case);

    let mut told_all = Forged { bundle, anchors: rich.anchors.clone() };
    follow(&mut told_all.bundle, &case.path);
    registered(&mut told_all.bundle, &case.path);
    told_all.agree();
    told_all.name_the_plan();
    put_back(&mut told_all.bundle.request, case);

    let mut found = vec![audited(&told_digests, &rich.bundle), audited(&told_all, &rich.bundle)];
    // With the hospital's own secrets openings can be made for anything; the proof cannot.
    if found[1] == OPENINGS {
        secrets.reopen(&mut told_all.bundle, &rich.north);
        found[1] = audited(&told_all, &rich.bundle);
    }
    found
}

#[test]
fn extremes_are_refused_and_nothing_panics() {
    let rich = rich();
    let secrets = Secrets::of(rich);
    let whole = serde_json::to_value(&rich.bundle).unwrap();
    let cases = cases(&whole);
    assert!(cases.len() > 6000, "{}", cases.len());
    let of = |cases: &[Case]| -> Vec<Vec<Outcome>> {
        cases.iter().map(|case| outcomes(case, &whole, rich, &secrets)).collect()
    };
    // On threads of their own: tasks of a pool that wait for tasks of the same pool pile up on its stacks.
    let halves = cases.split_at(cases.len() / 2);
    let found: Vec<Vec<Outcome>> = std::thread::scope(|scope| {
        let second = scope.spawn(|| of(halves.1));
        [of(halves.0), second.join().unwrap()].concat()
    });

    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, BTreeSet<Outcome>> = BTreeMap::new();
    for (Case { path, what, .. }, found) in cases.iter().zip(&found) {
        let rule = RULES.iter().find(|(rule, _)| begins(path, rule));
        let Some((rule, expected)) = rule else { panic!("no rule for {path}") };
        seen.entry(rule).or_default().extend(found);
        if !found.iter().all(|outcome| expected.contains(outcome)) {
            wrong.push(format!("{path}, {what}: {found:?}"));
        }
    }
    // What the rules allow has happened, so they allow no more than they must.
    for (rule, expected) in RULES {
        let seen = seen.get(rule).cloned().unwrap_or_default();
        if expected.iter().any(|outcome| !seen.contains(outcome)) {
            wrong.push(format!("{rule}: {seen:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    // Every step that a document can fail at has been reached, by many.
    let count = |outcome| found.iter().filter(|found| found.contains(&outcome)).count();
    assert_eq!((count(Same), count(Undone)), (2, 1));
    for (outcome, least) in [
        (ANCHORS, 20),
        (REGISTRATION, 400),
        (PLAN, 1200),
        (POLICY, 700),
        (OPENINGS, 250),
        (PROOF, 1100),
        (Unread, 3000),
    ] {
        assert!(count(outcome) > least, "{outcome:?}: {}", count(outcome));
    }
}
