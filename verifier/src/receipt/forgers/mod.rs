//! Dishonest hospitals: one for every clause of a receipt's check, and for every word that a receipt can show to be broken.
//!
//! - [`said`]: what the patient says;
//! - [`scene`]: a hospital in memory, with the receipts that it gives;
//! - [`table`]: who forges which clause: refused by the whole, accepted with only that clause off;
//! - [`violations`]: what a receipt that holds shows against the hospital;
//! - [`words`]: the report for people and for machines.

mod said;
mod scene;
mod table;
mod violations;
mod words;
