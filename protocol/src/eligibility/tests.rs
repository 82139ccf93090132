use super::*;

fn scope() -> Scope {
    Scope {
        ledger: "file-exchange".into(),
        site: "north".into(),
        study: "S-1".into(),
        sponsor: "University of the Coast".into(),
    }
}

/// Every part of a scope is in its digest, and no two of them run together.
#[test]
fn scopes_differ_by_every_part() {
    let changes: [fn(&mut Scope); 5] = [
        |scope| scope.ledger.push('x'),
        |scope| scope.site.push('x'),
        |scope| scope.study.push('x'),
        |scope| scope.sponsor.push('x'),
        |scope| std::mem::swap(&mut scope.study, &mut scope.sponsor),
    ];
    let mut digests = vec![scope().digest()];
    for change in changes {
        let mut other = scope();
        change(&mut other);
        assert!(!digests.contains(&other.digest()), "{other:?}");
        digests.push(other.digest());
    }
}

#[test]
fn files_that_are_none_of_eligibility() {
    let refused = |json: &str| EligibilityFile::parse(json.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused("{}"), "the file of eligibility cannot be read: missing field `format` at line 1 column 2");
    let unknown = refused(r#"{"format": "cohortium-eligibility/1", "scope": {"ledger": "x", "sites": "y"}}"#);
    assert!(unknown.starts_with("the file of eligibility cannot be read at scope.sites: unknown field"), "{unknown}");
    let nullifier = refused(r#"{"nullifier": "ff", "format": "x"}"#);
    assert!(nullifier.starts_with("the file of eligibility cannot be read at nullifier"), "{nullifier}");
    let last = refused(r#"{"nullifier": "ff"}"#);
    assert!(last.starts_with("the file of eligibility cannot be read: nullifier: a field element is 64"), "{last}");
    let many = format!(r#"{{"proof": {{"columns": [{}"#, "1,".repeat(9));
    assert!(refused(&many).starts_with("the file of eligibility cannot be read at proof.columns[0]"));
    let huge = vec![b' '; MAX_ELIGIBILITY_BYTES + 1];
    let error = EligibilityFile::parse(&huge).unwrap_err().to_string();
    assert_eq!(error, "the file has 16777217 bytes; a file of eligibility has at most 16777216");
}
