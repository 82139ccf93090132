//! The request, `cohortium-request/1`: a query put to named sites, with everything pinned that a site could
//! otherwise choose after seeing it. What is handed over as a file here is a transaction on a ledger.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::MAX_TEXT;
use super::approval::Approval;
use super::noise::Noise;
use crate::bounded;
use crate::commit::ShapeRef;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::query::{Plan, Query, is_line};
use crate::shape::{Proves, Shape};
use crate::table::Schema;

/// The format this code reads and writes.
pub const REQUEST_FORMAT: &str = "cohortium-request/1";

/// The ledger id of requests that are handed over as files.
pub const FILE_EXCHANGE: &str = "file-exchange";

/// Characters of a site's name at most, as in manifests.
const MAX_SITE: usize = 120;

/// The largest request that is read: the largest query, and pins of the most sites.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// Sites of one request at most.
pub const MAX_SITES: usize = 256;

/// 32 bytes chosen by the sponsor, so that no two requests are the same; 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// Wraps random bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Nonce {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        // A digest is 32 bytes in the same canonical text.
        let bytes =
            text.parse::<Digest>().map_err(|_| RequestError::Nonce { found: text.chars().take(80).collect() })?;
        Ok(Self(*bytes.as_bytes()))
    }
}

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a request pins for one site.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SitePin {
    /// The site.
    pub site: String,
    /// Its active table version.
    pub manifest: Digest,
    /// Its active consent epoch.
    pub epoch: Digest,
    /// Its registered policy floor.
    pub policy_floor: Digest,
    /// The shape of its proof: the manifest's, fixed before the query.
    pub shape: ShapeRef,
    /// The one verifying key of that shape.
    pub verifying_key: Digest,
    /// Its registered seed tree, by the root; nothing where there is no ledger. Noise will come from its leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<Digest>,
    /// With noise, the leaf of that tree whose seed the answer's noise comes from: the next one that no query has had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_leaf: Option<u32>,
}

impl SitePin {
    /// The standard shape that is pinned.
    pub fn standard_shape(&self) -> Result<Shape, RequestError> {
        let ShapeRef { name, id } = &self.shape;
        let refuse = |fits: String| RequestError::Shape { name: name.clone(), found: *id, fits };
        let answers = |shape: &Shape| shape.proves == Proves::Query;
        let Some(shape) = Shape::by_name(name).filter(answers) else {
            let known: Vec<&str> = Shape::STANDARD.iter().chain(&Shape::NOISED).map(|shape| shape.name).collect();
            return Err(refuse(format!("there are {}", known.join(", "))));
        };
        if *id != shape.id() {
            return Err(refuse(format!("that shape's id is {}", shape.id())));
        }
        Ok(shape)
    }
}

/// A query put to named sites.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawRequest", into = "RawRequest")]
pub struct Request {
    /// The ledger it is on, or [`FILE_EXCHANGE`].
    pub ledger: String,
    /// The running number under the approval.
    pub sequence: u64,
    /// The query, whole.
    pub query: Query,
    /// The approval it is asked under.
    pub approval: Digest,
    /// The schema it is asked in.
    pub schema: Digest,
    /// The plan it compiles to.
    pub plan: Digest,
    /// The sites asked, each with its pins.
    pub sites: Vec<SitePin>,
    /// The sponsor's nonce.
    pub sponsor_nonce: Nonce,
    /// How results are noised.
    pub noise: Noise,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    format: String,
    ledger: String,
    sequence: u64,
    query: Query,
    approval: Digest,
    schema: Digest,
    plan: Digest,
    #[serde(deserialize_with = "bounded::list::<MAX_SITES, _, _>")]
    sites: Vec<SitePin>,
    sponsor_nonce: Nonce,
    noise: Noise,
}

/// Why a file is not a request, or what in it does not fit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    /// Beyond the limit.
    #[error("the request has {found} bytes; at most {MAX_REQUEST_BYTES} are read")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or not this structure.
    #[error("the request cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the request's format is {found:?}; this version reads {REQUEST_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A text with control characters or of an unfit length.
    #[error("the request's {field} must be 1 to {MAX_TEXT} characters on one line")]
    Text {
        /// The field.
        field: &'static str,
    },
    /// A site's name that no manifest could bear.
    #[error("the site {found:?} is not a name: 1 to {MAX_SITE} printable characters, no space at either end")]
    Site {
        /// What was found, shortened.
        found: String,
    },
    /// A nonce that is not 32 bytes.
    #[error("the sponsor's nonce is 64 lower-case hexadecimal digits, found {found:?}")]
    Nonce {
        /// What was found.
        found: String,
    },
    /// Nobody is asked, or too many.
    #[error("the request names {found} sites; it must name from 1 to {MAX_SITES}")]
    Sites {
        /// How many.
        found: usize,
    },
    /// A site that is asked twice.
    #[error("the request names the site {site:?} twice; a site answers a request once")]
    SiteTwice {
        /// The site.
        site: String,
    },
    /// A site that is not asked.
    #[error("the request does not ask the site {site:?}; it asks {asked}")]
    NotAsked {
        /// The site.
        site: String,
        /// The sites asked.
        asked: String,
    },
    /// An epsilon too many or too few.
    #[error("the request's noise does not fit the query's {aggregate}: {rule}")]
    Epsilon {
        /// Which aggregate.
        aggregate: &'static str,
        /// What is wrong.
        rule: &'static str,
    },
    /// A seed leaf too many or too few.
    #[error("the request's pins of {site} do not fit its noise: {rule}")]
    SeedLeaf {
        /// The site.
        site: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// Noise without a ledger.
    #[error(
        "the request asks for noise, and is handed over as a file: noise comes from nonces that are opened on a ledger. Ask \
         without noise, or on a ledger"
    )]
    NoiseWithoutLedger,
    /// A shape that does not exist, or whose id is another.
    #[error("the request names the shape {name} with id {found}; {fits}")]
    Shape {
        /// The name.
        name: String,
        /// The id found.
        found: Digest,
        /// What would fit.
        fits: String,
    },
    /// A pinned object that is another one.
    #[error("the request pins the {what} {pinned}; the one given is {found}")]
    Pin {
        /// What is pinned.
        what: &'static str,
        /// The pinned digest.
        pinned: Digest,
        /// The digest of what was given.
        found: Digest,
    },
}

impl TryFrom<RawRequest> for Request {
    type Error = RequestError;

    fn try_from(raw: RawRequest) -> Result<Self, RequestError> {
        if raw.format != REQUEST_FORMAT {
            return Err(RequestError::Format { found: raw.format });
        }
        if !is_line(&raw.ledger, MAX_TEXT) {
            return Err(RequestError::Text { field: "ledger" });
        }
        if raw.sites.is_empty() || raw.sites.len() > MAX_SITES {
            return Err(RequestError::Sites { found: raw.sites.len() });
        }
        for (index, SitePin { site, .. }) in raw.sites.iter().enumerate() {
            if !is_line(site, MAX_SITE) || site.trim() != site {
                return Err(RequestError::Site { found: site.chars().take(80).collect() });
            }
            if raw.sites[..index].iter().any(|before| before.site == *site) {
                return Err(RequestError::SiteTwice { site: site.clone() });
            }
        }
        raw.noise.check(&raw.ledger, &raw.query.measures, &raw.sites)?;
        let RawRequest { ledger, sequence, query, approval, schema, plan, sites, sponsor_nonce, noise, .. } = raw;
        let request = Self { ledger, sequence, query, approval, schema, plan, sites, sponsor_nonce, noise };
        // In a bundle, too, where no file's size was looked at.
        match serde_json::to_vec(&request).map_or(usize::MAX, |text| text.len()) {
            found if found > MAX_REQUEST_BYTES => Err(RequestError::Size { found }),
            _ => Ok(request),
        }
    }
}

impl From<Request> for RawRequest {
    fn from(request: Request) -> Self {
        let Request { ledger, sequence, query, approval, schema, plan, sites, sponsor_nonce, noise } = request;
        let format = REQUEST_FORMAT.into();
        Self { format, ledger, sequence, query, approval, schema, plan, sites, sponsor_nonce, noise }
    }
}

impl Request {
    /// Reads a request file.
    pub fn parse(json: &str) -> Result<Self, RequestError> {
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        if json.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::Size { found: json.len() });
        }
        let unreadable = |error: serde_json::Error| RequestError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != REQUEST_FORMAT {
            return Err(RequestError::Format { found: head.format });
        }
        serde_json::from_str::<RawRequest>(json).map_err(unreadable)?.try_into()
    }

    /// The digest over every field.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::REQUEST);
        hasher.str(&self.ledger).u64(self.sequence).digest(&self.query.digest());
        hasher.digest(&self.approval).digest(&self.schema).digest(&self.plan);
        hasher.u64(self.sites.len() as u64);
        for SitePin { site, manifest, epoch, policy_floor, shape, verifying_key, seeds, .. } in &self.sites {
            hasher.str(site).digest(manifest).digest(epoch).digest(policy_floor);
            hasher.str(&shape.name).digest(&shape.id).digest(verifying_key).u64(u64::from(seeds.is_some()));
            if let Some(seeds) = seeds {
                hasher.digest(seeds);
            }
        }
        hasher.bytes(self.sponsor_nonce.as_bytes());
        self.noise.absorb(&self.sites, &mut hasher);
        hasher.finish()
    }

    /// The pins of a site.
    pub fn site(&self, site: &str) -> Result<&SitePin, RequestError> {
        self.sites.iter().find(|pin| pin.site == site).ok_or_else(|| RequestError::NotAsked {
            site: site.to_owned(),
            asked: self.sites.iter().map(|pin| pin.site.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Refuses an approval, a schema or a plan other than the pinned one.
    pub fn binds(&self, approval: &Approval, schema: &Schema, plan: &Plan) -> Result<(), RequestError> {
        self.pinned("approval", self.approval, approval.digest())?;
        self.pinned("schema", self.schema, schema.digest())?;
        self.pinned("plan", self.plan, plan.digest())
    }

    /// Refuses what is not the pinned object.
    pub fn pinned(&self, what: &'static str, pinned: Digest, found: Digest) -> Result<(), RequestError> {
        if pinned == found { Ok(()) } else { Err(RequestError::Pin { what, pinned, found }) }
    }
}
