use super::super::{
    ConsentColumn, ConsentImport, ConsentImportError, ConsentImporter, ConsentTable, SponsorClass, Table,
};
use super::{import, tagger};

const FILE: &str = "id,age,smoker,stage,crp,seen\np1,50,0,,,\np2,51,0,,,\np3,52,0,,,\n";

fn consents(file: &str) -> (Table, Result<ConsentImport, ConsentImportError>) {
    let table = import(FILE).unwrap().table;
    let tagger = tagger("north");
    let run = || {
        let mut lines = file.lines().zip(1..).map(|(text, line)| (line, text.split(',').collect::<Vec<_>>()));
        let mut importer = ConsentImporter::new(&table, &tagger, "id", &lines.next().unwrap().1)?;
        for (line, fields) in lines {
            importer.push(line, &fields)?;
        }
        importer.finish()
    };
    let result = run();
    (table, result)
}

fn refused(file: &str) -> String {
    consents(file).1.unwrap_err().to_string()
}

#[test]
fn flags_follow_the_rows() {
    let file = "DUO:0000042/academic,id,DUO:0000042/commercial\n1,p2,0\n,p1,1\n0,p9,1\n1, p7,1\n";
    let (table, result) = consents(file);
    let ConsentImport { consents, report } = result.unwrap();
    let row_of = |identifier: &str| {
        let limbs = tagger("north").tag(identifier).limbs();
        (0..3).find(|row| (0..8).all(|limb| table.tags()[limb][*row] == limbs[limb])).unwrap()
    };
    let academic: ConsentColumn = "DUO:0000042/academic".parse().unwrap();
    let commercial = ConsentColumn::new("DUO:0000042", SponsorClass::Commercial).unwrap();
    let flags =
        |patient: &str| [&academic, &commercial].map(|column| consents.column(column).unwrap()[row_of(patient)]);
    assert_eq!([flags("p1"), flags("p2"), flags("p3")], [[0, 1], [1, 0], [0, 0]]);
    assert_eq!((consents.rows(), consents.columns().len()), (3, 2));
    assert_eq!((report.patients_read, report.table_rows, report.rows_without_entry), (4, 3, 1));
    let unknown: Vec<(u64, &str)> =
        report.unknown_patients.iter().map(|one| (one.line, one.patient.as_str())).collect();
    assert_eq!(unknown, [(4, "p9"), (5, "p7")]);
    let counts: Vec<_> = report.columns.iter().map(|one| (one.yes, one.no, one.blank)).collect();
    assert_eq!(counts, [(1, 0, 1), (1, 1, 0)]);
    let text = report.to_text();
    for part in [
        "SECRET",
        "4 patients read; the table has 3 rows.",
        "Rows of the table without an entry, taken as no consent: 1.",
        "DUO:0000042/academic: 1 yes, 0 no, 1 empty and taken as no",
        "2 patients of the file are not in the table (lines 4, 5).",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(format!("{consents:?} {report:?}"), "ConsentTable(secret) ConsentReport(secret)");
}

#[test]
fn refusals() {
    let head = "id,DUO:0000042/academic\n";
    assert_eq!(
        refused(&format!("{head}p1,1\np2,yes\n")),
        "line 3, column DUO:0000042/academic: a consent is 1 (yes) or 0 (no, as is an empty cell), and nothing else"
    );
    assert_eq!(refused(&format!("{head}p1,1\np1,1\n")), "lines 2 and 3 are about the same patient");
    assert_eq!(refused(&format!("{head}p1,1\n,1\n")), "line 3 has no patient identifier");
    assert_eq!(refused(&format!("{head}p1\n")), "line 2 has 1 fields, the header has 2");
    assert_eq!(refused(head), "the file has no rows below its header");
    assert_eq!(
        refused(&format!("{head}x,1\ny,1\n")),
        "none of the 2 patients of this file is in the table: is it the file of another site?"
    );
    assert_eq!(refused("id\np1\n"), "line 1: the header has no consent column beside \"id\"");
    assert!(
        refused("pid,DUO:0000042/academic\n")
            .contains("line 1 has no column \"id\" for the patient identifier, among its 2")
    );
    assert!(refused("id,DUO:0000042/academic,DUO:0000042/academic\n").contains("two columns \"DUO:0000042/academic\""));
    assert_eq!(
        refused("id,consent\np1,1\n"),
        "line 1: \"consent\" is not a consent column: write a Data Use Ontology id, a slash, and academic or commercial, \
         for example DUO:0000042/academic"
    );
}

#[test]
fn names_of_consent_columns() {
    for bad in [
        "",
        "DUO:42/academic",
        "DUO:0000042",
        "DUO:0000042/",
        "duo:0000042/academic",
        "DUO:000004x/academic",
        "DUO:0000042/Academic",
        "DUO:0000042/academic ",
        "DUO:0000042/academic/commercial",
    ] {
        assert!(bad.parse::<ConsentColumn>().is_err(), "{bad}");
    }
    let column: ConsentColumn = "DUO:0000006/commercial".parse().unwrap();
    assert_eq!((column.purpose().as_str(), column.sponsor()), ("DUO:0000006", SponsorClass::Commercial));
    let json = serde_json::to_string(&column).unwrap();
    assert_eq!(json, "\"DUO:0000006/commercial\"");
    assert_eq!(serde_json::from_str::<ConsentColumn>(&json).unwrap(), column);
    assert!(ConsentColumn::new("DUO:6", SponsorClass::Academic).is_err());
}

/// A disease stands after one purpose alone, an institution at the end, and every column has one text.
#[test]
fn columns_with_a_disease_and_an_institution() {
    for good in [
        "DUO:0000042/commercial@University of the Coast",
        "DUO:0000007[MONDO:0007254]/academic",
        "DUO:0000007[ICD10:C50.9]/academic@a/b@c, d",
        "DUO:0000007/academic",
    ] {
        let column: ConsentColumn = good.parse().unwrap();
        assert_eq!(column.to_string(), good);
        let institution = column.institution().cloned();
        let again = ConsentColumn::new(&column.purpose(), column.sponsor()).unwrap().with_institution(institution);
        assert_eq!(again, column);
    }
    let column: ConsentColumn = "DUO:0000007[MONDO:0007254]/academic@U".parse().unwrap();
    assert_eq!((column.duo_id(), column.purpose().as_str()), ("DUO:0000007", "DUO:0000007[MONDO:0007254]"));
    assert_eq!(column.disease().unwrap().as_str(), "MONDO:0007254");
    let longest = format!("DUO:0000007[{}:{}]/commercial@{}", "A".repeat(16), "0".repeat(24), "ü".repeat(120));
    assert!(longest.parse::<ConsentColumn>().unwrap().to_string().chars().count() <= ConsentColumn::MAX_CHARS);
    for (bad, sentence) in [
        ("DUO:0000042[MONDO:0007254]/academic", "after DUO:0000007 alone"),
        ("DUO:0000007[]/academic", "is not a disease's code"),
        ("DUO:0000007[mondo:0007254]/academic", "is not a disease's code"),
        ("DUO:0000007[MONDO:0007254/academic", "stands in brackets"),
        ("DUO:0000007[MONDO:1].../academic", "stands in brackets"),
        ("DUO:0000007[M:.1]/academic", "is not a disease's code"),
        ("DUO:0000042/academic@", "is not an institution's name"),
        ("DUO:0000042/academic@ U", "is not an institution's name"),
        ("DUO:0000042/academic@a\nb", "is not an institution's name"),
        ("DUO:0000042/@U", "academic or commercial"),
        (&format!("DUO:0000042/academic@{}", "x".repeat(121)), "is not an institution's name"),
    ] {
        let refused = bad.parse::<ConsentColumn>().unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
    // The order of columns is that of their texts: stored consent tables go by it.
    let texts = [
        "DUO:0000007/academic",
        "DUO:0000007/academic@U",
        "DUO:0000007/commercial",
        "DUO:0000007[A:1]/academic",
        "DUO:0000007[B:1]/academic",
        "DUO:0000042/academic",
    ];
    let mut columns = texts.map(|text| text.parse::<ConsentColumn>().unwrap());
    columns.reverse();
    columns.sort();
    assert_eq!(columns.map(|column| column.to_string()), texts);
}

#[test]
fn consent_tables() {
    let column = |text: &str| text.parse::<ConsentColumn>().unwrap();
    let (a, b) = (column("DUO:0000042/academic"), column("DUO:0000042/commercial"));
    let table = ConsentTable::new(vec![(b.clone(), vec![0, 1]), (a.clone(), vec![1, 1])]).unwrap();
    assert_eq!(table.columns()[0].0, a, "columns are in ascending order");
    assert_eq!(table.column(&b).unwrap(), [0, 1]);
    let refused = |columns| ConsentTable::new(columns).unwrap_err().to_string();
    assert_eq!(refused(vec![]), "a consent table needs at least one column");
    assert_eq!(
        refused(vec![(a.clone(), vec![1]), (a.clone(), vec![1])]),
        "consent column DUO:0000042/academic stands twice"
    );
    assert_eq!(
        refused(vec![(a.clone(), vec![1]), (b.clone(), vec![1, 0])]),
        "consent column DUO:0000042/commercial has 2 rows, the first column has 1"
    );
    assert_eq!(refused(vec![(a, vec![2])]), "consent column DUO:0000042/academic has a value that is neither 0 nor 1");
}
