//! What the demo changes in a finished bundle, to show that the change is found.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::failure::Failure;

fn not_there(what: &'static str) -> Failure {
    Failure::unexpected("the bundle", format!("it has no {what}"))
}

/// Adds 5 to the first count that is shown: still a multiple of 5, so the policy alone has nothing against it.
pub(crate) fn raise_a_count(bundle: &mut Value) -> Result<String, Failure> {
    let cells = bundle.pointer_mut("/proof/cells").and_then(Value::as_array_mut).ok_or_else(|| not_there("cells"))?;
    for cell in cells {
        if let Some(count) = cell.pointer_mut("/count/value")
            && let Some(before) = count.as_u64()
        {
            *count = (before + 5).into();
            return Ok(format!("a released count is raised from {before} to {}", before + 5));
        }
    }
    Err(not_there("count that is shown"))
}

/// Changes one bit of the proof.
pub(crate) fn flip_a_proof_bit(bundle: &mut Value) -> Result<String, Failure> {
    const PLACE: usize = 7;
    let proof = bundle.pointer_mut("/proof/groth16").ok_or_else(|| not_there("Groth16 proof"))?;
    let mut bytes =
        proof.as_str().and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| not_there("proof in base64"))?;
    let byte = bytes.get_mut(PLACE).ok_or_else(|| not_there("proof of some length"))?;
    *byte ^= 1;
    *proof = STANDARD.encode(&bytes).into();
    Ok(format!("the lowest bit of byte {PLACE} of the proof's {} is turned over", bytes.len()))
}
