//! The reading of files, and the two cohorts of `examples/` read whole.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cohortium_protocol::table::synthetic::synthetic_consent_file;
use cohortium_protocol::table::{ConsentColumn, PatientKey, Tag};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/breast-cancer").join(name)
}

fn schema() -> Schema {
    read_schema(&example("schema.json")).unwrap()
}

fn tagger(site: &str) -> Tagger {
    Tagger::new(PatientKey::from_bytes([9; 32]), site, "breast-cancer")
}

fn import_site(site: &str) -> Import {
    let schema = schema();
    let mapping = read_mapping(&example(&format!("mapping-{site}.json")), &schema).unwrap();
    let path = example(&format!("{site}.csv"));
    let rng = &mut StdRng::seed_from_u64(1);
    import_table(&path, &schema, &mapping, &tagger(site), ImportOptions::default(), rng).unwrap()
}

/// What the harmonised columns must add up to. Computed from the raw files by a script of its own.
struct Expected {
    rows: usize,
    /// Sums of stored values: age, meno, size_class, grade, nodes, pgr, er, hormon, rfs_event, rfs_days.
    sums: [u64; 10],
    size_classes: [usize; 3],
    grades: [usize; 3],
    /// Days by event and hormonal treatment: (0,0), (0,1), (1,0), (1,1).
    days: [u64; 4],
    /// Nodes of grade 3 tumours above 50 mm.
    nodes: u64,
    longest: u16,
    age_squares: u64,
}

#[track_caller]
fn assert_site(site: &str, expected: &Expected) {
    let Import { table, report } = import_site(site);
    assert_eq!(table.rows(), expected.rows);
    assert_eq!((report.rows_read, report.rows_accepted, report.rows_rejected), (expected.rows, expected.rows, 0));
    assert!(report.rejections.is_empty());
    assert!(report.columns.iter().all(|column| column.missing == 0 && column.outside_domain == 0));
    let column = |index: usize| table.column(index).unwrap();
    let sum = |index: usize| column(index).iter().map(|value| u64::from(*value)).sum::<u64>();
    assert_eq!(std::array::from_fn(sum), expected.sums);
    let count = |index: usize, code: u16| column(index).iter().filter(|value| **value == code).count();
    assert_eq!([1, 2, 3].map(|code| count(2, code)), expected.size_classes);
    assert_eq!([1, 2, 3].map(|code| count(3, code)), expected.grades);
    let mut days = [0; 4];
    let mut nodes = 0;
    for row in 0..table.rows() {
        let at = |index: usize| column(index)[row];
        days[usize::from(2 * at(8) + at(7))] += u64::from(at(9));
        if at(2) == 3 && at(3) == 3 {
            nodes += u64::from(at(4));
        }
    }
    assert_eq!((days, nodes), (expected.days, expected.nodes));
    assert_eq!(column(9).iter().max(), Some(&expected.longest));
    assert_eq!(column(0).iter().map(|age| u64::from(*age).pow(2)).sum::<u64>(), expected.age_squares);
}

#[test]
fn rotterdam_whole() {
    assert_site(
        "rotterdam",
        &Expected {
            rows: 2982,
            sums: [164_184, 1670, 1387 + 2 * 1291 + 3 * 304, 8152, 8088, 482_581, 496_770, 339, 1713, 6_283_689],
            size_classes: [1387, 1291, 304],
            grades: [0, 794, 2188],
            days: [3_696_825, 336_267, 2_025_578, 225_019],
            nodes: 1759,
            longest: 7043,
            age_squares: 9_539_852,
        },
    );
}

#[test]
fn gbsg_whole() {
    assert_site(
        "gbsg",
        &Expected {
            rows: 686,
            sums: [36_394, 396, 180 + 2 * 453 + 3 * 53, 1452, 3437, 75_457, 66_029, 246, 299, 771_400],
            size_classes: [180, 453, 53],
            grades: [81, 444, 161],
            days: [309_993, 222_875, 156_288, 82_244],
            nodes: 165,
            longest: 2659,
            age_squares: 2_000_956,
        },
    );
}

#[test]
fn the_examples_schema_is_pinned() {
    // Computed outside from the file, by the stream that the formats page describes.
    let digest = schema().digest().to_string();
    assert_eq!(digest, "43e77b0dabd5a0d586a6bf5753b7735458d5e8187dab212e2483f6fcc15134a6");
}

#[test]
fn unused_columns_are_named() {
    assert_eq!(import_site("rotterdam").report.unused, ["year", "chemo"]);
    assert!(import_site("gbsg").report.unused.is_empty());
}

fn identifiers(site: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(example(&format!("{site}.csv"))).unwrap();
    text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn equal_identifiers_at_two_sites_are_other_people() {
    let (rotterdam, gbsg) = (identifiers("rotterdam"), identifiers("gbsg"));
    let both: Vec<&String> = rotterdam.intersection(&gbsg).collect();
    assert_eq!((rotterdam.len(), gbsg.len(), both.len()), (2982, 686, 682));
    for identifier in both {
        assert_ne!(tagger("rotterdam").tag(identifier), tagger("gbsg").tag(identifier));
    }
    let tags = |site: &str| -> BTreeSet<Tag> {
        let table = import_site(site).table;
        (0..table.rows()).map(|row| Tag::from_limbs(std::array::from_fn(|limb| table.tags()[limb][row]))).collect()
    };
    let (rotterdam_tags, gbsg_tags) = (tags("rotterdam"), tags("gbsg"));
    assert_eq!((rotterdam_tags.len(), gbsg_tags.len()), (2982, 686));
    assert!(rotterdam_tags.is_disjoint(&gbsg_tags));
    assert!(identifiers("gbsg").iter().all(|identifier| gbsg_tags.contains(&tagger("gbsg").tag(identifier))));
}

#[test]
fn synthetic_consents_for_gbsg() {
    let table = import_site("gbsg").table;
    let column: ConsentColumn = "DUO:0000042/academic".parse().unwrap();
    let identifiers = identifiers("gbsg");
    let names = identifiers.iter().map(String::as_str);
    let file = synthetic_consent_file(1, "gbsg", "pid", names, std::slice::from_ref(&column));
    let import = consents_from(file.as_bytes(), b',', "pid", &table, &tagger("gbsg")).unwrap();
    assert_eq!((import.report.patients_read, import.report.rows_without_entry), (686, 0));
    let yes = import.consents.column(&column).unwrap().iter().filter(|flag| **flag == 1).count();
    assert!((540..=603).contains(&yes), "{yes} of 686");
}

const HEADER: &str = "pid,age,meno,size,grade,nodes,pgr,er,hormon,rfstime,status";
const ROW: &str = "1,49,0,18,2,2,0,0,0,1838,0";

fn read(bytes: &[u8], delimiter: &str) -> Result<Import, FileProblem> {
    let schema = schema();
    let json = std::fs::read_to_string(example("mapping-gbsg.json")).unwrap();
    let json = json.replace(r#""patient""#, &format!(r#""delimiter": {delimiter:?}, "patient""#));
    let mapping = Mapping::parse(&json, &schema).unwrap();
    let rng = &mut StdRng::seed_from_u64(1);
    table_from(bytes, &schema, &mapping, &tagger("gbsg"), ImportOptions::default(), rng)
}

fn refused(bytes: &[u8]) -> String {
    read(bytes, ",").unwrap_err().to_string()
}

#[test]
fn what_spreadsheet_programs_write() {
    let plain = read(format!("{HEADER}\n{ROW}\n").as_bytes(), ",").unwrap().table;
    for file in [
        format!("\u{feff}{HEADER}\n{ROW}\n"),
        format!("{HEADER}\r\n{ROW}\r\n"),
        format!("{HEADER}\n{ROW}"),
        format!("\n{HEADER}\n\n{ROW}\n\n\n"),
        format!("{}\n{}\n", HEADER.replace("age", "\"age\""), ROW.replace("49", "\" 49\"")),
    ] {
        assert_eq!(read(file.as_bytes(), ",").unwrap().table, plain, "{file:?}");
    }
    for delimiter in [";", "|", "\t"] {
        let file = format!("{HEADER}\n{ROW}\n").replace(',', delimiter);
        assert_eq!(read(file.as_bytes(), delimiter).unwrap().table, plain);
    }
}

#[test]
fn files_that_are_not_tables() {
    assert_eq!(refused(b""), "the file is empty");
    assert_eq!(refused(b"\xef\xbb\xbf \r\n\n"), "the file is empty");
    assert_eq!(refused(b"\xff\xfep\0i\0d\0"), "the file is UTF-16 text; save it as UTF-8");
    let latin = [HEADER.as_bytes(), b"\n", ROW.as_bytes(), b"\n2,49,0,\xfcber 50,2,2,0,0,0,1838,0\n"].concat();
    assert_eq!(refused(&latin), "line 3 is not UTF-8 text; save the file as UTF-8");
    assert_eq!(
        refused(format!("{HEADER}\n").as_bytes()),
        "nothing was imported: the file has no rows below its header"
    );
    assert!(refused(ROW.as_bytes()).contains("line 1 has no column \"pid\""));
    let semicolons = format!("{HEADER}\n{ROW}\n").replace(',', ";");
    assert!(
        refused(semicolons.as_bytes()).contains("among its 1: does the file begin with a header, and is its delimiter")
    );
    let missing = read_schema(Path::new("no-such-file.json")).unwrap_err().to_string();
    assert!(missing.starts_with("no-such-file.json: cannot be read: "), "{missing}");
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let lines = |rows: &str| match read(format!("{HEADER}\n{rows}").as_bytes(), ",") {
        Err(FileProblem::Import(ImportError::Rejected { report })) => {
            report.rejections.iter().map(|one| one.line).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let bad = |pid: u32| format!("{pid},1e3,0,18,2,2,0,0,0,1838,0");
    assert_eq!(lines(&format!("{}\n{}\n", bad(1), bad(2))), [2, 3]);
    assert_eq!(lines(&format!("\n\n{ROW}\n\n{}\n", bad(2))), [6]);
    assert_eq!(lines(&format!("{ROW}\r\n\r\n{}\r\n{}", bad(2), bad(3))), [4, 5]);
    // A quoted field over three lines: the record begins in line 2, the next one in line 5.
    let long = ROW.replace("49", "\"4\n\n9\"");
    assert_eq!(lines(&format!("{long}\n{}\n", bad(2))), [2, 5]);
    assert_eq!(refused(format!("{HEADER}\n\n{ROW}\n2,49,0\n").as_bytes()), "line 4 has 3 fields, the header has 11");
}

#[test]
fn an_open_quotation_mark_swallows_nothing() {
    // The last field would take the rest of the file, and the record would have the right length.
    let file = format!("{HEADER}\n{ROW}\n2,50,0,18,2,2,0,0,0,1838,\"0\n3,51,0,18,2,2,0,0,0,1838,0\n");
    assert_eq!(refused(file.as_bytes()), "the record that begins in line 3 has a quotation mark without its partner");
}

#[test]
fn errors_name_the_file_and_no_patient() {
    let schema = schema();
    let error = read_mapping(&example("schema.json"), &schema).unwrap_err().to_string();
    assert!(error.contains("schema.json: the mapping's format is \"cohortium-schema/1\""), "{error}");
    let error = read(format!("{HEADER}\nanna,777,0,18,2,2,0,0,0,1838,0\n").as_bytes(), ",").unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("anna") && !shown.contains("777"), "{shown}");
}

#[test]
fn secrets_that_patients_bring() {
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    let secrets = secrets_from(format!("patient,secret\n7, {one}\n8,{two}\n").as_bytes(), b',').unwrap();
    assert_eq!((secrets[0].0.as_str(), secrets[1].0.as_str()), ("7", "8"));
    assert_eq!(*secrets[0].1.to_card(), one);
    let refused = |file: String| secrets_from(file.as_bytes(), b',').unwrap_err().to_string();
    assert!(refused(format!("pid,secret\n7,{one}\n")).contains("the header must be patient and secret"));
    assert_eq!(refused(format!("patient,secret\n7,{one},x\n")), "line 2: a record is a patient and a secret");
    assert_eq!(refused(format!("patient,secret\n,{one}\n")), "line 2: a record is a patient and a secret");
    assert_eq!(refused(format!("patient,secret\n7,{one}\n7,{two}\n")), "lines 2 and 3 are about the same patient");
    let message = refused("patient,secret\n7,12ab\n".into());
    assert_eq!(message, "line 2: a patient's secret is 64 lower-case hexadecimal digits, found 4 characters");
}
