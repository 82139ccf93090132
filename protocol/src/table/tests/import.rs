use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::{
    Fault, Import, ImportError, ImportOptions, Importer, MISSING, Mapping, PatientSecret, RejectedRows,
};
use super::{MAPPING, import, import_with, row_of, schema, tagger};

const FILE: &str = "id,age,smoker,stage,crp,seen\n\
    p1,50,0,early,1.5,2000-01-01\n\
    p2,61,1,late,NA,\n\
    p3,18,0,,500,1990-01-01\n\
    p4,110,1,middle,0,2030-12-31\n";

const LEAVE_OUT: ImportOptions = ImportOptions { rejected: RejectedRows::LeaveOut, dummy_rows: 0 };

#[test]
fn every_patient_has_their_row() {
    let Import { table, report } = import(FILE).unwrap();
    assert_eq!(table.rows(), 4);
    assert_eq!(table.schema_digest(), &schema().digest());
    assert_eq!(row_of(&table, "p1").unwrap(), [50, 0, 1, 3, 36524]);
    assert_eq!(row_of(&table, "p2").unwrap(), [61, 1, 7, MISSING, MISSING]);
    assert_eq!(row_of(&table, "p3").unwrap(), [18, 0, MISSING, 1000, 32872]);
    assert_eq!(row_of(&table, "p4").unwrap(), [110, 1, 2, 0, 47846]);
    assert!(row_of(&table, "p5").is_none());
    assert_eq!((report.rows_read, report.rows_accepted, report.rows_rejected, report.imported), (4, 4, 0, true));
    let missing: Vec<usize> = report.columns.iter().map(|column| column.missing).collect();
    assert_eq!(missing, [0, 0, 1, 1, 1]);
    assert!(report.unused.is_empty());
}

#[test]
fn the_row_order_is_drawn_uniformly() {
    let schema = schema();
    let mapping = Mapping::parse(MAPPING, &schema).unwrap();
    let mut rng = StdRng::seed_from_u64(3);
    let mut orders: BTreeMap<Vec<u16>, u32> = BTreeMap::new();
    for _ in 0..2400 {
        let mut lines = FILE.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let mut importer = Importer::new(&schema, &mapping, &lines.next().unwrap()).unwrap();
        for (fields, line) in lines.zip(2..) {
            importer.push(line, &fields).unwrap();
        }
        let table = importer.finish(&tagger("north"), ImportOptions::default(), &mut rng).unwrap().table;
        *orders.entry(table.columns()[0].clone()).or_default() += 1;
        // Whatever the order, tags and values move together.
        assert_eq!(row_of(&table, "p3").unwrap()[0], 18);
    }
    // 24 orders, 100 each expected; five standard deviations are 49.
    assert_eq!(orders.len(), 24);
    assert!(orders.values().all(|count| (51..=149).contains(count)), "{orders:?}");
}

#[test]
fn rejected_rows_refuse_the_import() {
    let file = "id,age,smoker,stage,crp,seen,note\n\
        p1,50,0,early,1.5,2000-01-01,\n\
        p2,17,2,late,NA,,\n\
        p3,18,0,,500.5,1990-01-01,\n\
        ,18,0,,500,1990-01-01,\n\
        p4,,0,odd,500,31.12.1999,\n";
    let Err(ImportError::Rejected { report }) = import(file) else { panic!("accepted") };
    assert_eq!((report.rows_read, report.rows_accepted, report.rows_rejected, report.imported), (5, 1, 4, false));
    let found: Vec<(u64, &str, &str, &str, Fault)> = report
        .rejections
        .iter()
        .map(|one| (one.line, one.column.as_deref().unwrap_or("-"), one.from.as_str(), one.value.as_str(), one.fault))
        .collect();
    assert_eq!(
        found,
        [
            (3, "age", "age", "17", Fault::OutsideDomain),
            (3, "smoker", "smoker", "2", Fault::Unreadable),
            (4, "crp", "crp", "500.5", Fault::OutsideDomain),
            (5, "-", "id", "", Fault::NoPatient),
            (6, "age", "age", "", Fault::Missing),
            (6, "stage", "stage", "odd", Fault::Unreadable),
            (6, "seen", "seen", "31.12.1999", Fault::Unreadable),
        ]
    );
    let outside: Vec<usize> = report.columns.iter().map(|column| column.outside_domain).collect();
    assert_eq!(outside, [1, 0, 0, 1, 0]);
    assert_eq!(report.unused, ["note"]);

    let error = ImportError::Rejected { report };
    assert_eq!(
        error.to_string(),
        "nothing was imported: 4 of 5 rows were rejected (lines 3, 4, 5, 6); the quality report gives the reasons"
    );
    assert!(!format!("{error:?}").contains("odd"), "a report in a log shows no value");

    // Left out on request, and said so.
    let Import { table, report } = import_with(MAPPING, file, LEAVE_OUT).unwrap();
    assert_eq!((table.rows(), report.rows_accepted, report.rows_rejected, report.imported), (1, 1, 4, true));
    assert_eq!(report.rejections.len(), 7);
    let text = report.to_text();
    for part in [
        "SECRET: this report repeats values of single patients. It must not leave the hospital.",
        "Import into table \"ward\", schema version 2",
        "5 rows read, 1 accepted, 4 rejected.",
        "The table was imported WITHOUT the rejected rows, as was asked for.",
        "  line 3, column age, value \"17\": 17 lies outside column \"age\", which is defined from 18 years to 110 years",
        "  line 5, column id, value \"\": the row has no patient identifier",
        "Columns of the file that were not used: note",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let written = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<super::super::QualityReport>(&written).unwrap(), report);
}

#[test]
fn a_patient_has_one_row() {
    let file = "id,age,smoker,stage,crp,seen\n\
        p1,50,0,,,\n\
        p2,51,0,,,\n\
        p1 ,52,0,,,\n\
        p2,7,0,,,\n\
        p3,53,0,,,\n\
        p1,54,0,,,\n";
    let Import { table, report } = import_with(MAPPING, file, LEAVE_OUT).unwrap();
    // Nobody can tell which row is right: all of them are left out, even if the other one is faulty itself.
    assert_eq!((table.rows(), report.rows_rejected), (1, 5));
    assert_eq!(row_of(&table, "p3").unwrap()[0], 53);
    let reasons: Vec<(u64, &str)> = report
        .rejections
        .iter()
        .filter(|one| one.fault == Fault::DuplicatePatient)
        .map(|one| (one.line, one.reason.as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (2, "the patient stands in line 4 too; one row a patient"),
            (2, "the patient stands in line 7 too; one row a patient"),
            (3, "the patient stands in line 5 too; one row a patient"),
            (4, "the patient stands in line 2 too; one row a patient"),
            (5, "the patient stands in line 3 too; one row a patient"),
            (7, "the patient stands in line 2 too; one row a patient"),
        ]
    );
    let Err(ImportError::Rejected { report }) = import(file) else { panic!("accepted") };
    assert_eq!(report.rows_accepted, 1);
}

#[test]
fn refused_files() {
    let refused = |file: &str| import(file).unwrap_err().to_string();
    assert_eq!(
        refused("id,age,smoker,stage,crp\n"),
        "the file has no column \"seen\", which the mapping needs for \"seen\"; its header has id, age, smoker, stage, crp"
    );
    assert_eq!(
        refused("p1,50,0,early,1.5,2000-01-01\n"),
        "line 1 has no column \"id\" for the patient identifier, among its 6: \
         does the file begin with a header, and is its delimiter the mapping's?"
    );
    assert_eq!(
        refused("id,age,smoker,stage,crp,seen, age\n"),
        "line 1: the header has two columns \"age\", at positions 2 and 7"
    );
    assert_eq!(
        refused("id,age,smoker,stage,crp,seen\np1,50,0,,,\np2,50,0,,\n"),
        "line 3 has 5 fields, the header has 6"
    );
    assert_eq!(
        refused("id,age,smoker,stage,crp,seen\n"),
        "nothing was imported: the file has no rows below its header"
    );
    let all = import_with(MAPPING, "id,age,smoker,stage,crp,seen\np1,5,0,,,\n", LEAVE_OUT).unwrap_err();
    assert_eq!(all.to_string(), "nothing was imported: all 1 rows were rejected; the quality report gives the reasons");
}

#[test]
fn dummies_hide_the_number_of_patients() {
    let options = ImportOptions { dummy_rows: 6, ..ImportOptions::default() };
    let Import { table, report } = import_with(MAPPING, FILE, options).unwrap();
    assert_eq!((table.rows(), report.rows_accepted, report.dummy_rows), (10, 4, 6));
    assert_eq!(row_of(&table, "p2").unwrap(), [61, 1, 7, MISSING, MISSING]);
    assert!(report.to_text().contains("6 rows of nobody were added to hide the number of patients."));
    let mut tags: Vec<[u16; 8]> = (0..10).map(|row| std::array::from_fn(|limb| table.tags()[limb][row])).collect();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 10);
    let many = ImportOptions { dummy_rows: usize::MAX, ..ImportOptions::default() };
    let message = import_with(MAPPING, FILE, many).unwrap_err().to_string();
    assert!(message.contains("at most 1048064 can be proved about"), "{message}");
}

#[test]
fn one_secret_for_two_patients_is_found() {
    let schema = schema();
    let mapping = Mapping::parse(MAPPING, &schema).unwrap();
    let mut tagger = tagger("north");
    let mut rng = StdRng::seed_from_u64(1);
    let secret = PatientSecret::random(&mut rng);
    assert!(tagger.bring("p1", secret.clone()));
    let run = |tagger: &super::Tagger| {
        let mut lines = FILE.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let mut importer = Importer::new(&schema, &mapping, &lines.next().unwrap()).unwrap();
        for (fields, line) in lines.zip(2..) {
            importer.push(line, &fields).unwrap();
        }
        importer.finish(tagger, ImportOptions::default(), &mut StdRng::seed_from_u64(1))
    };
    assert!(run(&tagger).is_ok());
    assert!(tagger.bring("p2", secret));
    assert_eq!(
        run(&tagger).unwrap_err().to_string(),
        "two patients bear the same tag: has one secret been entered for two identifiers?"
    );
}

#[test]
fn nothing_secret_is_printed() {
    let Import { table, report } = import(FILE).unwrap();
    assert_eq!(format!("{table:?} {report:?}"), "Table(secret) QualityReport(secret)");
}
