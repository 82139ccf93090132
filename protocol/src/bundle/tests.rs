//! What a proof is bound to, and how its public inputs follow from what is opened.

use ark_ff::{AdditiveGroup, Field};

use super::*;
use crate::commit::{ColumnCommitment, ShapeRef};
use crate::documents::{Approval, FILE_EXCHANGE, Noise, Nonce, Request, SitePin};
use crate::field::F;
use crate::hash::Digest;
use crate::mle;
use crate::policy::{Cell, GroupCells, Policy, ReleaseParams, SumParams, Sums, effective};
use crate::query::fixtures::{compiled, consent, query, schema};
use crate::query::{ColumnId, Plan, Query};
use crate::shape::Shape;
use crate::statement::PublicChallenges;

const FIELDS: &str = r#""where": {"column": "age", "between": [51, null]},
    "group_by": [{"column": "meno"}, {"column": "grade"}, {"column": "hormon"}],
    "measures": {"sum": "nodes", "sum_of_products": ["nodes", "er"]}"#;

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

/// Everything that a context is over, owned.
#[derive(Clone)]
struct Parts {
    request: Request,
    site: &'static str,
    plan: Plan,
    approval: Approval,
    floor: Policy,
    params: ReleaseParams,
    shape: Shape,
    digests: [Digest; 3],
}

impl Parts {
    fn new() -> Self {
        let query = query(FIELDS);
        let plan = compiled(&query).unwrap();
        let policy = Policy::new(8, 5, true, Sums::ExactForNamedPlans).unwrap();
        let approval = Approval {
            study: "S-1".into(),
            ethics_reference: "EC-1".into(),
            sponsor: "University".into(),
            consent: consent(),
            tables: vec!["breast-cancer".into()],
            columns: None,
            sites: None,
            aggregates: None,
            policy: policy.clone(),
            exact_plans: vec![plan.digest()],
            near_plans: Vec::new(),
            expires: "2030-12-31".parse().unwrap(),
            nonces: None,
        };
        let request = Request {
            ledger: FILE_EXCHANGE.into(),
            sequence: 1,
            query,
            approval: approval.digest(),
            schema: schema().digest(),
            plan: plan.digest(),
            sites: vec![SitePin {
                site: "north".into(),
                manifest: digest(1),
                epoch: digest(2),
                policy_floor: policy.digest(),
                shape: ShapeRef::to(&Shape::QUERY_12),
                verifying_key: digest(3),
                seeds: None,
                seed_leaf: None,
            }],
            sponsor_nonce: Nonce::from_bytes([4; 32]),
            noise: Noise::None,
        };
        let params =
            ReleaseParams { k: 8, b: 5, show_zero: true, sums: [SumParams::EXACT, SumParams::OFF, SumParams::EXACT] };
        let digests = [digest(3), digest(1), digest(2)];
        Self { request, site: "north", plan, approval, floor: policy, params, shape: Shape::QUERY_12, digests }
    }

    fn digest(&self) -> Digest {
        let [verifying_key, manifest, epoch] = self.digests;
        Context {
            request: &self.request,
            site: self.site,
            plan: &self.plan,
            approval: &self.approval,
            policy: &effective(Some(&self.floor), Some(&self.approval.policy)).unwrap(),
            rule: &self.params.into(),
            noise: None,
            shape: &self.shape,
            verifying_key,
            manifest,
            epoch,
        }
        .digest()
    }
}

#[test]
fn trap_5_nothing_that_a_proof_is_about_is_left_out_of_its_context() {
    type Change = (&'static str, fn(&mut Parts));
    let changes: &[Change] = &[
        ("nothing", |_| ()),
        ("ledger", |p| p.request.ledger.push('x')),
        ("sequence", |p| p.request.sequence = 2),
        ("query", |p| p.request.query = Query { title: "b".into(), ..p.request.query.clone() }),
        ("request's approval", |p| p.request.approval = digest(9)),
        ("request's schema", |p| p.request.schema = digest(9)),
        ("request's plan", |p| p.request.plan = digest(9)),
        ("site's name", |p| p.request.sites[0].site.push('x')),
        ("pinned manifest", |p| p.request.sites[0].manifest = digest(9)),
        ("pinned epoch", |p| p.request.sites[0].epoch = digest(9)),
        ("pinned floor", |p| p.request.sites[0].policy_floor = digest(9)),
        ("pinned shape", |p| p.request.sites[0].shape = ShapeRef::to(&Shape::QUERY_16)),
        ("pinned key", |p| p.request.sites[0].verifying_key = digest(9)),
        ("another site", |p| p.request.sites.push(SitePin { site: "b".into(), ..p.request.sites[0].clone() })),
        ("nonce", |p| p.request.sponsor_nonce = Nonce::from_bytes([5; 32])),
        ("answering site", |p| p.site = "south"),
        ("plan", |p| p.plan.counted.push('x')),
        ("a table of the plan", |p| p.plan.lookups[0].table = p.plan.lookups[1].table.clone()),
        ("approval", |p| p.approval.sponsor.push('x')),
        ("smallest cell", |p| p.floor = Policy::new(13, 5, true, Sums::ExactForNamedPlans).unwrap()),
        ("rounding", |p| p.floor = Policy::new(8, 15, true, Sums::ExactForNamedPlans).unwrap()),
        ("zeros", |p| p.floor = Policy::new(8, 5, false, Sums::ExactForNamedPlans).unwrap()),
        ("sums", |p| p.floor = Policy::new(8, 5, true, Sums::Restrained).unwrap()),
        ("k", |p| p.params.k = 13),
        ("b", |p| p.params.b = 15),
        ("show zero", |p| p.params.show_zero = false),
        ("a sum's base", |p| p.params.sums[0] = SumParams::restrained(8, 100)),
        ("a sum's dominance", |p| p.params.sums[0].dominance = 1),
        ("what a row adds to a sum", |p| p.params.sums[0].most = Some(1)),
        ("a sum more", |p| p.params.sums[1] = SumParams::EXACT),
        ("a sum less", |p| p.params.sums[2] = SumParams::OFF),
        ("shape", |p| p.shape = Shape::QUERY_16),
        ("key", |p| p.digests[0] = digest(9)),
        ("manifest", |p| p.digests[1] = digest(9)),
        ("epoch", |p| p.digests[2] = digest(9)),
        ("manifest for epoch", |p| p.digests.swap(1, 2)),
    ];
    let mut seen = std::collections::BTreeMap::new();
    for (what, change) in changes {
        let mut parts = Parts::new();
        change(&mut parts);
        if let Some(before) = seen.insert(parts.digest(), what) {
            panic!("{what} and {before} have one context");
        }
    }
    assert_eq!(Parts::new().digest(), Parts::new().digest());
}

#[test]
fn commitments_are_bound_by_name_kind_and_order() {
    let (a, b) = (ColumnId::test(0), ColumnId::selection());
    let (x, y) = (digest(1), digest(2));
    let over = |columns: &[(&ColumnId, Digest)], multiplicities: &[(&ColumnId, Digest)]| {
        query_commitments(columns.iter().copied(), multiplicities.iter().copied())
    };
    let digests = [
        over(&[(&a, x), (&b, y)], &[]),
        over(&[(&b, y), (&a, x)], &[]),
        over(&[(&a, y), (&b, x)], &[]),
        over(&[(&a, x)], &[(&b, y)]),
        over(&[], &[(&a, x), (&b, y)]),
        over(&[(&a, x)], &[]),
        over(&[(&a, x), (&a, x)], &[]),
        over(&[], &[]),
        // The context of an opening: over what, and which of the two.
        opening_context(&x, &y, COLUMN_OPENING),
        opening_context(&x, &y, MULTIPLICITY_OPENING),
        opening_context(&y, &x, COLUMN_OPENING),
    ];
    let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), digests.len());
}

/// Field elements that look like nothing else.
fn element(seed: u64) -> F {
    F::from(seed + 2).pow([77, seed])
}

struct Opened {
    parts: Parts,
    challenges: PublicChallenges,
    columns: Vec<ColumnAtPoint>,
    multiplicities: Vec<ColumnAtPoint>,
    cells: Vec<GroupCells>,
}

const ROWS: usize = 1234;

impl Opened {
    fn new() -> Self {
        let parts = Parts::new();
        let shape = &parts.shape;
        let points = |seed: u64, count: usize| (0..count as u64).map(|i| element(100 * seed + i)).collect::<Vec<F>>();
        let challenges = PublicChallenges {
            row_point: points(1, shape.row_bits),
            value_point: points(2, shape.value_bits + 1),
            table_point: points(3, shape.value_bits),
            mu: element(9),
        };
        let commitment = ColumnCommitment::decode(&[0; 64]).unwrap();
        let at = |(place, column): (usize, ColumnId), seed: u64| ColumnAtPoint {
            column,
            commitment: commitment.clone(),
            value: element(1000 * seed + place as u64),
        };
        let columns = parts.plan.columns().into_iter().enumerate().map(|column| at(column, 1)).collect();
        let outputs = parts.plan.lookups.iter().map(|lookup| lookup.output.clone()).enumerate();
        let multiplicities = outputs.map(|column| at(column, 2)).collect();
        let cell = GroupCells { count: Cell::Value(10), sums: [Some(Cell::Value(7)), None, Some(Cell::Suppressed)] };
        let cells = vec![cell; parts.plan.groups()];
        Self { parts, challenges, columns, multiplicities, cells }
    }

    fn derive(&self) -> Result<crate::statement::QueryPublic, DeriveError> {
        Derivation {
            plan: &self.parts.plan,
            shape: &self.parts.shape,
            declared_rows: ROWS,
            context: digest(7),
            commitments: digest(8),
            rule: self.parts.params.into(),
            challenges: self.challenges.clone(),
            columns: &self.columns,
            multiplicities: &self.multiplicities,
            cells: &self.cells,
        }
        .public()
    }

    fn value(&self, column: &ColumnId) -> F {
        self.columns.iter().find(|opened| opened.column == *column).unwrap().value
    }
}

#[test]
fn public_inputs_follow_from_the_opened_values() {
    let opened = Opened::new();
    let Opened { parts, challenges, .. } = &opened;
    let (plan, shape) = (&parts.plan, &parts.shape);
    let public = opened.derive().unwrap();
    let e = &public.evaluations;
    assert_eq!((public.context, public.commitments), (digest(7), digest(8)));
    assert_eq!(e.selection, opened.value(&ColumnId::selection()));
    assert_eq!(e.y, opened.value(&ColumnId::manifest("nodes")));
    assert_eq!(e.z, opened.value(&ColumnId::manifest("er")));
    // meno + 2 grade's bin + 6 hormon.
    let group = opened.value(&ColumnId::manifest("meno"))
        + F::from(2u64) * opened.value(&ColumnId::bin(1))
        + F::from(6u64) * opened.value(&ColumnId::manifest("hormon"));
    assert_eq!(e.group, group);
    // Trap 24: every flag has a power of mu of its own, from the first on.
    assert!(plan.flags.len() >= 3, "consent, meno, hormon");
    let check = |flag: &ColumnId| opened.value(flag).square() - opened.value(flag);
    let flags = (1u64..).zip(&plan.flags).map(|(k, flag)| challenges.mu.pow([k]) * check(flag)).sum::<F>();
    assert_eq!(e.flags, flags);
    // [row < declared], summed over all rows.
    let occupied = (0..ROWS)
        .map(|row| {
            let bits = (0..shape.row_bits).map(|bit| F::from((row >> bit & 1) as u64)).collect::<Vec<_>>();
            mle::eq(&bits, &challenges.row_point)
        })
        .sum::<F>();
    assert_eq!(e.occupied, occupied);
    // Used slots, then unused ones: the lookup of 0 in the zero table on every data row.
    let used = plan.lookups.len();
    let zeros = F::from(ROWS as u64) * challenges.value_point.iter().map(|x| F::ONE - x).product::<F>();
    for slot in 0..shape.max_lookups() {
        let expected = plan.lookups.get(slot).map_or([F::ZERO, F::ZERO, F::ZERO, zeros], |lookup| {
            let input = lookup.input.terms().map(|(c, column)| F::from(c) * opened.value(column)).sum();
            let table = mle::lookup_table(&lookup.table, &challenges.table_point);
            [input, opened.value(&lookup.output), table, opened.multiplicities[slot].value]
        });
        assert_eq!([e.inputs[slot], e.outputs[slot], e.tables[slot], e.multiplicities[slot]], expected, "{slot}");
    }
    assert!(used > 4 && used < shape.max_lookups());
    // Cells of the plan's groups, then empty ones; as the policy shows these.
    assert_eq!(public.cells[..plan.groups()], opened.cells);
    for (show_zero, state) in [(true, Cell::Zero), (false, Cell::Suppressed)] {
        let mut opened = Opened::new();
        opened.parts.params.show_zero = show_zero;
        let empty = GroupCells { count: state, sums: [Some(state), None, Some(state)] };
        let cells = opened.derive().unwrap().cells;
        assert_eq!(cells.len(), shape.groups);
        assert!(cells[plan.groups()..].iter().all(|cells| *cells == empty));
    }
    let encoded = public.encode(shape).unwrap();
    assert_eq!(encoded.len(), crate::statement::QueryPublic::count(shape));
    assert_eq!(encoded.len(), public.named(shape).len());
}

#[test]
fn what_is_not_the_plans_is_refused() {
    type Case = (fn(&mut Opened), &'static str);
    let cases: &[Case] = &[
        (|o| o.columns.swap(0, 1), "the bundle opens manifest:er, at this place the plan needs manifest:age"),
        (|o| drop(o.columns.remove(0)), "the bundle opens manifest:er, at this place the plan needs manifest:age"),
        (|o| drop(o.columns.pop()), "the bundle opens nothing, at this place the plan needs query:test."),
        (
            |o| o.columns.push(o.columns[0].clone()),
            "the bundle opens manifest:age, at this place the plan needs nothing",
        ),
        (|o| o.columns.clear(), "the bundle opens nothing, at this place the plan needs manifest:age"),
        (
            |o| o.multiplicities.swap(0, 1),
            "the bundle opens the multiplicities of query:test.1, at this place the plan needs those of query:test.0",
        ),
        (|o| drop(o.multiplicities.pop()), "the bundle opens the multiplicities of nothing"),
        (|o| o.multiplicities.push(o.multiplicities[0].clone()), "the plan needs those of nothing"),
        (|o| o.cells.truncate(11), "the bundle releases 11 groups, the plan has 12"),
        (|o| o.cells.push(o.cells[0]), "the bundle releases 13 groups, the plan has 12"),
        (|o| o.challenges.row_point.truncate(11), "the point r has 11 coordinates, in shape query-12 it has 12"),
        (|o| o.challenges.value_point.push(F::ONE), "the point r_t has 18 coordinates, in shape query-12 it has 17"),
        (|o| o.challenges.table_point.clear(), "the point rho_t has 0 coordinates, in shape query-12 it has 16"),
        (|o| o.parts.shape.slot_bits = 2, "lookups, shape query-12 has room for 3"),
        (|o| o.parts.shape.groups = 11, "the plan has 12 groups, shape query-12 has room for 11"),
    ];
    for (change, says) in cases {
        let mut opened = Opened::new();
        change(&mut opened);
        let refused = opened.derive().unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

/// Bundles are refused at the first entry too many, not after all of them are in memory: what follows it here is nothing.
#[test]
fn a_bundle_that_would_fill_the_memory_is_refused_while_it_is_read() {
    let request = serde_json::to_string(&Parts::new().request).unwrap();
    let (before, _) = request.split_once(r#""where":"#).unwrap();
    let begun = format!(r#"{{"format": "cohortium-bundle/1", "site": "north", "request": {before}"where":"#);
    let refused = |rest: String| Bundle::parse(format!("{begun}{rest}").as_bytes()).unwrap_err().to_string();
    let parts = refused(format!(r#"{{"all": [{}"#, "{},".repeat(1025)));
    assert!(parts.starts_with("the bundle cannot be read at request.query.where.all[255]"), "{parts}");
    assert!(parts.contains("the selection has more than 256 parts"), "{parts}");
    let labels = refused(format!(r#"{{"column": "size", "in": [{}"#, "1,".repeat(1025)));
    assert!(labels.starts_with("the bundle cannot be read at request.query.where.in[1024]"), "{labels}");
    assert!(labels.contains("where.in has more than 1024 entries"), "{labels}");

    let refused = |rest: String| Bundle::parse(rest.as_bytes()).unwrap_err().to_string();
    let cell = r#"{"count": {"state": "zero"}, "sums": [null, null, null]},"#;
    let cells = refused(format!(r#"{{"proof": {{"cells": [{}"#, cell.repeat(1025)));
    assert!(cells.contains("the list has more than 1024 entries"), "{cells}");
    // A value that is no number is not built first, whichever of its two fields comes first.
    let cell = refused(r#"{"proof": {"cells": [{"count": {"value": [1, [2"#.to_owned());
    assert!(cell.contains("invalid type: sequence, expected a whole number below 2^64"), "{cell}");
    let bound = refused(
        r#"{"schema": {"columns": [{"name": "a", "description": "", "kind": "quantity", "min": [1, [2"#.to_owned(),
    );
    assert!(bound.contains("invalid type: sequence, expected a number, or a number or date as a string"), "{bound}");
    let column = r#"{"name": "a", "description": "", "kind": "flag"},"#;
    let columns = refused(format!(r#"{{"schema": {{"columns": [{}"#, column.repeat(257)));
    assert!(columns.contains("the list has more than 256 entries"), "{columns}");
    for list in ["tables", "columns", "exact_plans"] {
        let entry = format!("\"{}\",", digest(1));
        let names = refused(format!(r#"{{"approval": {{"{list}": [{}"#, entry.repeat(4097)));
        assert!(names.contains("the list has more than 4096 entries"), "{names}");
    }
}

#[test]
fn a_bundle_holds_a_query_and_a_request_no_longer_than_their_files() {
    let mut parts = Parts::new();
    parts.request.query.title = "x".repeat(200);
    let text = serde_json::to_string(&parts.request).unwrap();
    let bundle = |request: &str| {
        let text = format!(r#"{{"format": "cohortium-bundle/1", "site": "north", "request": {request}"#);
        Bundle::parse(text.as_bytes()).unwrap_err().to_string()
    };
    assert!(bundle(&text).contains("EOF"));
    let long = bundle(&text.replacen("\"age\"", &format!("{:?}", "x".repeat(1 << 16)), 1));
    assert!(long.starts_with("the bundle cannot be read at request"), "{long}");
    assert!(long.contains("the query has 66") && long.contains("at most 65536 are read"), "{long}");
    let long = bundle(&text.replacen("\"query-12\"", &format!("{:?}", "x".repeat(1 << 20)), 1));
    assert!(long.contains("the request has 10") && long.contains("at most 1048576 are read"), "{long}");
}
