//! Long lists of field elements: their canonical 32 bytes one after another, in JSON as one base64 text.

/// Serde adapter for such a list.
pub mod serde_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::field::{F, from_bytes, to_bytes};

    /// Writes a list.
    pub fn serialize<S: Serializer>(list: &[F], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(list.iter().flat_map(to_bytes).collect::<Vec<u8>>()))
    }

    /// Reads a list, refusing part elements and elements that are not canonical.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<F>, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        let (elements, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(D::Error::custom(format!("field elements are 32 bytes each, found {} bytes", bytes.len())));
        }
        elements.iter().map(|bytes| from_bytes(bytes).map_err(D::Error::custom)).collect()
    }
}
