//! Approvals and requests: reading, digests, and what they refuse.

use super::fixtures::{noised_approval, noised_request};
use super::*;
use crate::commit::{ConsentEpoch, DatasetManifest, ShapeRef};
use crate::hash::Digest;
use crate::noise::NonceTree;
use crate::policy::{Cell, GroupCells, Policy};
use crate::query::fixtures::{compiled, query, schema};
use crate::query::{Plan, Query};
use crate::shape::Shape;
use crate::table::Day;

pub(super) const APPROVAL: &str = r#"{"format": "cohortium-approval/1", "study": "S-1", "ethics_reference": "EC-2025-117",
    "sponsor": "Example University", "purpose": "DUO:0000042", "sponsor_class": "academic",
    "tables": ["breast-cancer"], "columns": ["age", "grade", "hormon", "nodes"],
    "policy": {"format": "cohortium-policy/1", "min_cell": 8, "rounding": 5, "show_zeros": false, "sums": "restrained"},
    "exact_plans": ["1111111111111111111111111111111111111111111111111111111111111111"], "expires": "2030-12-31"}"#;

const FIELDS: &str = r#""where": {"column": "age", "between": [51, null]}, "group_by": [{"column": "hormon"}],
    "measures": {"sum": "nodes"}"#;

fn approval(from: &str, to: &str) -> Result<Approval, ApprovalError> {
    assert!(APPROVAL.contains(from), "{from}");
    Approval::parse(&APPROVAL.replacen(from, to, 1))
}

fn planned(fields: &str) -> (Query, Plan) {
    let query = query(fields);
    let plan = compiled(&query).unwrap();
    (query, plan)
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[test]
fn an_approval_reads_writes_and_keeps_its_digest() {
    let read = Approval::parse(APPROVAL).unwrap();
    let again = Approval::parse(&serde_json::to_string(&read).unwrap()).unwrap();
    assert_eq!((&again, again.digest()), (&read, read.digest()));
    for (from, to) in [
        ("S-1", "S-2"),
        ("117", "118"),
        ("University", "Hospital"),
        ("0000042", "0000007"),
        ("academic", "commercial"),
        (r#"["breast-cancer"]"#, r#"["breast-cancer", "lungs"]"#),
        (r#""age", "#, ""),
        (r#"["age", "grade", "hormon", "nodes"]"#, "null"),
        ("restrained", "none"),
        ("1111", "2111"),
        ("2030", "2031"),
    ] {
        assert_ne!(approval(from, to).unwrap().digest(), read.digest(), "{from}");
    }
    assert!(read.describe().contains("Policy: smallest cell 8, counts rounded to 5"));
    assert!(read.describe().contains("Plans with exact sums: 1111"));
}

/// Consents to an institution count under its own approval alone, and nothing changes where none is named.
#[test]
fn an_approval_may_count_consents_to_its_sponsor_alone() {
    let named = r#""sponsor_class": "academic", "institution": "Example University""#;
    let named = approval(r#""sponsor_class": "academic""#, named).unwrap();
    assert_eq!(named.consent.to_string(), "DUO:0000042/academic@Example University");
    let read = Approval::parse(&serde_json::to_string(&named).unwrap()).unwrap();
    assert_eq!((&read, read.digest()), (&named, named.digest()));
    let plain = Approval::parse(APPROVAL).unwrap();
    assert_ne!(named.digest(), plain.digest());
    assert!(
        named
            .describe()
            .contains("Purpose: DUO:0000042; consents that patients gave to this sponsor alone count too\n")
    );
    assert!(!serde_json::to_string(&plain).unwrap().contains("institution"));
    let other = approval(r#""sponsor_class": "academic""#, r#""sponsor_class": "academic", "institution": "Other""#);
    let sentence = "the approval's institution is \"Other\", and its sponsor \"Example University\"";
    assert!(other.unwrap_err().to_string().contains(sentence));

    let plain_query = query(FIELDS);
    let mut asked = plain_query.clone();
    asked.consent = named.consent.clone();
    named.permits_query(&asked).unwrap();
    let json = serde_json::to_string(&asked).unwrap();
    assert!(json.contains(r#""institution":"Example University""#), "{json}");
    assert_eq!(Query::parse(&json).unwrap(), asked);
    assert_ne!(asked.digest(), plain_query.digest());
    for (approval, query) in [(&named, &plain_query), (&plain, &asked)] {
        let refused = approval.permits_query(query).unwrap_err().to_string();
        assert!(refused.contains("clause \"institution\": the approval is for consents to everybody"), "{refused}");
    }
    let bad = json.replacen("Example University", "", 1);
    assert!(Query::parse(&bad).unwrap_err().to_string().contains("is not an institution's name"));
    let plan = crate::query::compile(&asked, &schema(), &named.consent, &Shape::QUERY_12).unwrap();
    assert!(
        plan.explain()
            .contains("consent for DUO:0000042 by an academic sponsor, at least by Example University, is active")
    );
    assert!(crate::query::compile(&asked, &schema(), &plain.consent, &Shape::QUERY_12).is_err());

    let disease = approval("DUO:0000042", "DUO:0000007[MONDO:0007254]").unwrap();
    asked.consent = "DUO:0000007[MONDO:0005148]/academic".parse().unwrap();
    let refused = disease.permits_query(&asked).unwrap_err().to_string();
    assert!(
        refused
            .contains("the approval is for DUO:0000007[MONDO:0007254], the query asks for DUO:0000007[MONDO:0005148]")
    );
}

#[test]
fn approvals_that_are_refused() {
    for (from, to, sentence) in [
        ("approval/1", "approval/2", "this version reads \"cohortium-approval/1\""),
        (r#""purpose": "DUO:0000042", "#, "", "missing field `purpose`"),
        ("DUO:0000042", "research", "\"research\" is not a Data Use Ontology id"),
        ("S-1", "", "the approval's study must be 1 to 200 characters on one line"),
        ("Example", r"\u0007", "the approval's sponsor must be"),
        (r#"["breast-cancer"]"#, "[]", "\"tables\" is an empty list, which allows nothing; name the tables"),
        (r#"["age", "grade", "hormon", "nodes"]"#, "[]", "which allows nothing; null allows all"),
        (r#""columns": ["age", "grade", "hormon", "nodes"],"#, "", "missing field `columns`"),
        ("\"min_cell\": 8", "\"min_cell\": 9", "the next that is: 13"),
        ("2030-12-31", "31.12.2030", "write yyyy-mm-dd"),
        ("1111\"", "111\"", "a digest is 64 lower-case hexadecimal digits"),
        (r#""study""#, r#""amends": 3, "study""#, "unknown field `amends`"),
    ] {
        let refused = approval(from, to).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
    let start = APPROVAL.find("\"policy\":").unwrap();
    let end = APPROVAL.find("\"exact_plans\"").unwrap();
    let without = format!("{}{}", &APPROVAL[..start], &APPROVAL[end..]);
    assert_eq!(Approval::parse(&without).unwrap_err(), ApprovalError::NoPolicy);
}

#[test]
fn what_an_approval_permits_by_clause() {
    let (query, plan) = planned(FIELDS);
    Approval::parse(APPROVAL).unwrap().permits(&query, &plan).unwrap();
    for (from, to, sentence) in [
        ("S-1", "S-2", "clause \"study\": the approval is for study \"S-2\", the query belongs to \"S-1\""),
        (
            "DUO:0000042",
            "DUO:0000007",
            "clause \"purpose\": the approval is for DUO:0000007, the query asks for DUO:0000042",
        ),
        (
            "academic",
            "commercial",
            "clause \"sponsor_class\": the approval is for sponsors of class commercial, the query's is academic",
        ),
        ("breast-cancer", "lungs", "clause \"tables\": table \"breast-cancer\" is not among those allowed: lungs"),
        (
            r#", "hormon", "nodes""#,
            "",
            "clause \"columns\": the query uses \"hormon\", which is not among those allowed: age, grade",
        ),
        (r#", "nodes""#, "", "clause \"columns\": the query uses \"nodes\""),
        (r#""age", "#, "", "clause \"columns\": the query uses \"age\""),
    ] {
        let refused = approval(from, to).unwrap().permits(&query, &plan).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
    approval(r#"["age", "grade", "hormon", "nodes"]"#, "null").unwrap().permits(&query, &plan).unwrap();
    let (_, other) = planned("");
    let refused = Approval::parse(APPROVAL).unwrap().permits(&query, &other).unwrap_err();
    assert!(matches!(refused, ApprovalError::Plan { .. }), "{refused}");
}

#[test]
fn exact_sums_need_the_plans_name_and_days_count_to_the_last() {
    let (_, plan) = planned(FIELDS);
    let read = Approval::parse(APPROVAL).unwrap();
    assert!(!read.names(&plan));
    assert!(Approval { exact_plans: vec![plan.digest()], ..read.clone() }.names(&plan));
    read.covers(day("2030-12-31")).unwrap();
    assert_eq!(
        read.covers(day("2031-01-01")).unwrap_err().to_string(),
        "clause \"expires\": the approval expired on 2030-12-31, and it is 2031-01-01"
    );
}

#[test]
fn plans_that_are_near_are_named_and_enter_the_digest_only_then() {
    let (_, plan) = planned(FIELDS);
    let read = Approval::parse(APPROVAL).unwrap();
    assert!(!read.allows_near(&plan));
    assert!(!serde_json::to_string(&read).unwrap().contains("near_plans"));
    let named = Approval { near_plans: vec![plan.digest()], ..read.clone() };
    assert!(named.allows_near(&plan) && !named.names(&plan));
    let again = Approval::parse(&serde_json::to_string(&named).unwrap()).unwrap();
    assert_eq!((&again, again.digest()), (&named, named.digest()));
    assert_ne!(named.digest(), read.digest());
    assert!(named.describe().contains(&format!("Plans allowed although near earlier ones: {}\n", plan.digest())));
    assert!(!read.describe().contains("near earlier"));
}

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

pub(super) fn request() -> Request {
    let (query, plan) = planned(FIELDS);
    let pin = |site: &str, byte| SitePin {
        site: site.into(),
        manifest: digest(byte),
        epoch: digest(byte + 1),
        policy_floor: digest(byte + 2),
        shape: ShapeRef::to(&Shape::QUERY_12),
        verifying_key: digest(9),
        seeds: None,
        seed_leaf: None,
    };
    Request {
        ledger: FILE_EXCHANGE.into(),
        sequence: 1,
        query,
        approval: Approval::parse(APPROVAL).unwrap().digest(),
        schema: schema().digest(),
        plan: plan.digest(),
        sites: vec![pin("rotterdam", 10), pin("gbsg", 20)],
        sponsor_nonce: Nonce::from_bytes([3; 32]),
        noise: Noise::None,
    }
}

#[test]
fn a_request_reads_writes_and_covers_every_field() {
    let request = request();
    let text = serde_json::to_string(&request).unwrap();
    assert!(text.contains(r#""noise":"none""#) && text.contains(r#""ledger":"file-exchange""#));
    let again = Request::parse(&text).unwrap();
    assert_eq!((&again, again.digest()), (&request, request.digest()));
    let changes: [fn(&mut Request); 15] = [
        |r| r.ledger.push('x'),
        |r| r.sequence = 2,
        |r| r.query.title.push('x'),
        |r| r.approval = digest(0),
        |r| r.schema = digest(0),
        |r| r.plan = digest(0),
        |r| r.sites[0].shape.name.push('x'),
        |r| r.sites[0].shape.id = digest(0),
        |r| r.sites[1].verifying_key = digest(0),
        |r| r.sites[1].site.push('x'),
        |r| r.sites[1].manifest = digest(0),
        |r| r.sites[1].epoch = digest(0),
        |r| r.sites[1].policy_floor = digest(0),
        |r| drop(r.sites.pop()),
        |r| r.sponsor_nonce = Nonce::from_bytes([4; 32]),
    ];
    let mut digests = vec![request.digest()];
    for change in changes {
        let mut request = request.clone();
        change(&mut request);
        digests.push(request.digest());
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn requests_that_are_refused() {
    let text = serde_json::to_string(&request()).unwrap();
    for (from, to, sentence) in [
        ("request/1", "request/2", "this version reads \"cohortium-request/1\""),
        ("file-exchange", "", "the request's ledger must be 1 to 200 characters"),
        ("gbsg", "rotterdam", "names the site \"rotterdam\" twice; a site answers a request once"),
        ("gbsg", "gbsg ", "the site \"gbsg \" is not a name: 1 to 120 printable characters, no space at either end"),
        ("0303\"", "03\"", "the sponsor's nonce is 64 lower-case hexadecimal digits"),
        (r#""noise":"none""#, r#""noise":"uniform""#, "unknown variant `uniform`, expected `none` or `laplace`"),
        (r#""noise":"none""#, r#""noise":"laplace""#, "invalid type: unit variant, expected newtype variant"),
        (r#","noise":"none""#, "", "missing field `noise`"),
        (r#""purpose":"DUO:0000042","#, "", "the query states no purpose"),
    ] {
        assert!(text.contains(from), "{from}");
        let refused = Request::parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
    let nobody = Request { sites: Vec::new(), ..request() };
    let refused = Request::parse(&serde_json::to_string(&nobody).unwrap()).unwrap_err();
    assert_eq!(refused, RequestError::Sites { found: 0 });
}

#[test]
fn a_request_with_noise_covers_every_field_of_it() {
    let request = noised_request();
    let text = serde_json::to_string(&request).unwrap();
    assert!(text.contains(r#""noise":{"laplace":{"epsilon":{"count":"0.1","sum":"0.2"},"sponsor_commitment":""#));
    let again = Request::parse(&text).unwrap();
    assert_eq!((&again, again.digest()), (&request, request.digest()));
    fn laplace(request: &mut Request) -> &mut Laplace {
        let Noise::Laplace(laplace) = &mut request.noise else { panic!("no noise") };
        laplace
    }
    let changes: [fn(&mut Request); 7] = [
        |r| laplace(r).epsilon.count = "0.2".parse().unwrap(),
        |r| laplace(r).epsilon.sum = None,
        |r| laplace(r).epsilon.sum_of_squares = laplace(r).epsilon.sum.take(),
        |r| laplace(r).epsilon.sum_of_products = laplace(r).epsilon.sum.take(),
        |r| laplace(r).sponsor_commitment = digest(0),
        |r| r.sites[0].seed_leaf = Some(1),
        |r| r.sites[1].seed_leaf = None,
    ];
    let mut digests = vec![request.digest(), Request { noise: Noise::None, ..request.clone() }.digest()];
    for change in changes {
        let mut request = request.clone();
        change(&mut request);
        digests.push(request.digest());
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);

    for (from, to, sentence) in [
        (r#""sum":"0.2""#, r#""sum":"0.20""#, "is no decimal in its shortest form"),
        (r#""count":"0.1","#, "", "missing field `count`"),
        (r#","sum":"0.2""#, "", "does not fit the query's sum: the query asks for it, and its noise has no epsilon"),
        (
            r#""sum":"0.2""#,
            r#""sum":"0.2","sum_of_squares":"1""#,
            "does not fit the query's sum_of_squares: it has an epsilon, and the query does not ask for it",
        ),
        (r#","seed_leaf":7"#, "", "pins of gbsg do not fit its noise: it asks for noise, and does not pin both"),
        (r#"coast-trial/00ff"#, "file-exchange", "the request asks for noise, and is handed over as a file"),
    ] {
        assert!(text.contains(from), "{from}");
        let refused = Request::parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
    let quiet = Request { noise: Noise::None, ..request };
    let refused = Request::parse(&serde_json::to_string(&quiet).unwrap()).unwrap_err().to_string();
    assert!(refused.ends_with("it pins a seed leaf, and asks for no noise"), "{refused}");
}

#[test]
fn epsilons_as_on_a_command_line() {
    let all = "count=0.1,sum=0.2,sum_of_squares=1,sum_of_products=0.000001";
    let read: Epsilons = all.parse().unwrap();
    assert_eq!((read.to_string().as_str(), read.price()), (all, 1_300_001));
    assert_eq!("sum=2,count=1".parse::<Epsilons>().unwrap().to_string(), "count=1,sum=2");
    for (text, sentence) in [
        ("", "\"\" is no aggregate with its epsilon"),
        ("0.1", "\"0.1\" is no aggregate with its epsilon"),
        ("count=0.1,", "\"\" is no aggregate with its epsilon"),
        ("count=0.1,mean=1", "\"mean=1\" is no aggregate"),
        ("count=0.1,count=0.2", "stated twice"),
        ("sum=0.1", "no epsilon is stated for the count"),
        ("count=1e-3", "is no decimal in its shortest form"),
    ] {
        let refused = text.parse::<Epsilons>().unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
}

#[test]
fn an_approvals_nonces_are_in_its_digest() {
    let (plain, key) = (Approval::parse(APPROVAL).unwrap(), crate::ledger::MemberKey::from_bytes(&[7; 32]));
    let noised = noised_approval(&key);
    let text = serde_json::to_string(&noised).unwrap();
    assert_eq!(Approval::parse(&text).unwrap(), noised);
    assert_ne!(noised.digest(), plain.digest());
    assert!(noised.describe().contains("Nonces for noise: for the first 5 queries\nUntil 2030"));
    let root = noised.nonces.unwrap().root.to_string();
    for (from, to) in [("\"leaves\":5", "\"leaves\":6"), (root.as_str(), digest(0).to_string().as_str())] {
        assert_ne!(Approval::parse(&text.replace(from, to)).unwrap().digest(), noised.digest(), "{from}");
    }
    // Computed a second time in Python, from the formats' page.
    let pinned = Approval { nonces: Some(NonceTree { leaves: 5, root: digest(7) }), ..plain };
    assert_eq!(pinned.digest().short(), "3a2e900bea505d16");
    for (leaves, allowed) in [("0", false), ("1", true), ("65536", true), ("65537", false)] {
        let read = Approval::parse(&text.replace("\"leaves\":5", &format!("\"leaves\":{leaves}")));
        assert_eq!(read.is_ok(), allowed, "{leaves}");
        if let Err(error) = read {
            assert!(error.to_string().ends_with("nonces; from 1 to 65536 are allowed"), "{error}");
        }
    }
}

#[test]
fn a_request_pins_what_it_names() {
    let request = request();
    let approval = Approval::parse(APPROVAL).unwrap();
    let (_, plan) = planned(FIELDS);
    request.binds(&approval, &schema(), &plan).unwrap();
    let amended = Approval { expires: day("2031-01-01"), ..approval.clone() };
    let refused = request.binds(&amended, &schema(), &plan).unwrap_err().to_string();
    assert!(
        refused.starts_with(&format!("the request pins the approval {}; the one given is", approval.digest())),
        "{refused}"
    );
    let (_, other) = planned("");
    assert!(matches!(request.binds(&approval, &schema(), &other), Err(RequestError::Pin { what: "plan", .. })));
    assert_eq!(request.site("gbsg").unwrap().manifest, digest(20));
    let refused = request.site("leiden").unwrap_err().to_string();
    assert_eq!(refused, "the request does not ask the site \"leiden\"; it asks rotterdam, gbsg");
    let pin = &request.sites[0];
    assert_eq!(pin.standard_shape(), Ok(Shape::QUERY_12));
    let shape = |name: &str, id| SitePin { shape: ShapeRef { name: name.into(), id }, ..pin.clone() };
    let refused = shape("query-16", Shape::QUERY_12.id()).standard_shape().unwrap_err().to_string();
    assert!(refused.ends_with(&format!("that shape's id is {}", Shape::QUERY_16.id())), "{refused}");
    let refused = shape("query-14", digest(0)).standard_shape().unwrap_err().to_string();
    assert!(refused.ends_with("there are query-12, query-16, query-20, noise-12, noise-16, noise-20"), "{refused}");
}

#[test]
fn digests_are_pinned() {
    // A changed digest is a changed format: approvals name plans by theirs. Query, policy and approval were
    // computed a second time in Python, from the formats' pages.
    let (query, plan) = planned(FIELDS);
    let approval = Approval::parse(APPROVAL).unwrap();
    let digests = [
        ("schema", schema().digest()),
        ("query", query.digest()),
        ("plan", plan.digest()),
        ("policy", approval.policy.digest()),
        ("approval", approval.digest()),
        ("request", request().digest()),
    ];
    assert_eq!(
        digests.map(|(what, digest)| format!("{what} {}", digest.short())),
        [
            "schema 8a7d030e24e455b6",
            "query 51404b73e3328aee",
            "plan 596efeb664db8f22",
            "policy bad8eb880d1e1a98",
            "approval 1f0526ff8816e1af",
            "request 62325a33b6797bb8"
        ]
    );
}

#[test]
fn the_examples_in_the_formats_pages_are_read() {
    let pages = [
        include_str!("../../../docs/src/formats/query.md"),
        include_str!("../../../docs/src/formats/documents.md"),
        include_str!("../../../docs/src/formats/commitments.md"),
        include_str!("../../../docs/src/formats/bundle.md"),
    ];
    let mut read = Vec::new();
    let mut manifest = None;
    for block in pages.iter().flat_map(|page| page.split("```json\n").skip(1)) {
        let json = block.split("```").next().unwrap();
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let unnamed = if value.is_array() { "cells" } else { "inclusion" };
        let format = value["format"].as_str().unwrap_or(unnamed).to_owned();
        match format.as_str() {
            "cohortium-query/1" => drop(Query::parse(json).unwrap()),
            "cohortium-policy/1" => drop(Policy::parse(json).unwrap()),
            "cohortium-approval/1" => drop(Approval::parse(json).unwrap()),
            "cohortium-request/1" => drop(Request::parse(json).unwrap()),
            "cohortium-manifest/1" => manifest = Some(serde_json::from_str::<DatasetManifest>(json).unwrap()),
            "cohortium-epoch/1" => {
                let epoch: ConsentEpoch = serde_json::from_str(json).unwrap();
                epoch.check_manifest(manifest.as_ref().unwrap()).unwrap();
            }
            "cells" => {
                let cells: Vec<GroupCells> = serde_json::from_str(json).unwrap();
                let count = |cells: &GroupCells| cells.count;
                assert_eq!(cells.iter().map(count).collect::<Vec<_>>(), [Cell::Value(1240), Cell::Suppressed]);
            }
            "inclusion" => drop(serde_json::from_str::<crate::ledger::Inclusion>(json).unwrap()),
            _ => continue,
        }
        read.push(format);
    }
    let documents = ["query", "policy", "approval", "request", "manifest", "epoch"];
    let formats = documents.map(|document| format!("cohortium-{document}/1"));
    assert_eq!(read[..6], formats);
    assert_eq!(read[6..], ["cells", "inclusion"]);
}
