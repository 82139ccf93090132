//! A compact binary form of matrices, for the key cache: distinct coefficients once, entries as index pairs.

use std::collections::HashMap;

use ark_bn254::Fr;
use cohortium_protocol::field::{from_bytes, to_bytes};

type Rows = Vec<Vec<(Fr, usize)>>;

/// Appends three matrices.
pub(crate) fn write(out: &mut Vec<u8>, matrices: &[Rows; 3], inputs: usize, variables: usize) {
    let mut index: HashMap<Fr, u32> = HashMap::new();
    let mut coefficients: Vec<Fr> = Vec::new();
    let mut entries: Vec<u8> = Vec::new();
    for rows in matrices {
        push(&mut entries, rows.len());
        for row in rows {
            push(&mut entries, row.len());
            for (coefficient, variable) in row {
                let at = *index.entry(*coefficient).or_insert_with(|| {
                    coefficients.push(*coefficient);
                    coefficients.len() as u32 - 1
                });
                entries.extend(at.to_le_bytes());
                push(&mut entries, *variable);
            }
        }
    }
    push(out, inputs);
    push(out, variables);
    push(out, coefficients.len());
    for coefficient in &coefficients {
        out.extend(to_bytes(coefficient));
    }
    out.extend(entries);
}

fn push(out: &mut Vec<u8>, value: usize) {
    out.extend((value as u32).to_le_bytes());
}

/// Matrices, the number of public variables and of all variables.
pub(crate) type Decoded = ([Rows; 3], usize, usize);

/// Reads three matrices off the front of a slice.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<Decoded> {
    let inputs = take(bytes)?;
    let variables = take(bytes)?;
    let count = take(bytes)?;
    let (table, rest) = bytes.split_at_checked(count.checked_mul(32)?)?;
    *bytes = rest;
    let coefficients: Vec<Fr> =
        table.chunks_exact(32).map(|chunk| from_bytes(chunk.try_into().ok()?).ok()).collect::<Option<_>>()?;
    let mut matrix = || -> Option<Rows> {
        (0..take(bytes)?)
            .map(|_| {
                (0..take(bytes)?)
                    .map(|_| {
                        let coefficient = *coefficients.get(take(bytes)?)?;
                        let variable = take(bytes)?;
                        (variable < variables).then_some((coefficient, variable))
                    })
                    .collect()
            })
            .collect()
    };
    let matrices = [matrix()?, matrix()?, matrix()?];
    Some((matrices, inputs, variables))
}

fn take(bytes: &mut &[u8]) -> Option<usize> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*word) as usize)
}
