//! The catalogue: which tables the sites have registered, and under which policy.

use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use actix_web::web::Query;
use cohortium_protocol::commit::ConsentEpoch;
use cohortium_protocol::commit::DatasetManifest;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::policy::Policy;
use cohortium_protocol::table::Day;
use cohortium_protocol::table::Schema;
use cohortium_verifier::ledger::Dataset;
use cohortium_verifier::ledger::Site;
use serde::Deserialize;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;

use super::Service;
use super::page;
use super::problem::Problem;

/// Which tables.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// After this table, as `next` of the page before says: the site's name, a slash, the table's name.
    after: Option<String>,
    /// How many at most: 100 unless told, 1000 at most.
    limit: Option<usize>,
}

/// A consent epoch in brief.
#[derive(Serialize, ToSchema)]
struct EpochInfo {
    /// Its number.
    number: u32,
    /// Its date.
    created: String,
    /// Its digest.
    #[schema(value_type = String)]
    digest: Digest,
    /// The last day on which a query may pin it.
    #[schema(value_type = Option<String>)]
    until: Option<Day>,
}

/// A policy floor in brief.
#[derive(Serialize, ToSchema)]
struct FloorInfo {
    /// Its number.
    number: u32,
    /// The policy's digest.
    #[schema(value_type = String)]
    digest: Digest,
    /// The policy in words.
    words: String,
}

/// A site's table.
#[derive(Serialize, ToSchema)]
struct DatasetInfo {
    /// The site.
    site: String,
    /// The table.
    table: String,
    /// The active version.
    version: u32,
    /// Its manifest's digest.
    #[schema(value_type = String)]
    manifest: Digest,
    /// When it was committed.
    created: String,
    /// The data's vintage: when the source was extracted.
    vintage: String,
    /// The rows that the manifest declares.
    declared_rows: u64,
    /// The shape's name.
    shape: String,
    /// The schema's digest.
    #[schema(value_type = String)]
    schema: Digest,
    /// What the schema says about the table.
    description: String,
    /// The active consent epoch; without one nothing can be asked.
    epoch: Option<EpochInfo>,
    /// The purposes and kinds of sponsor that the epoch has consents for.
    consents: Vec<String>,
    /// The site's policy floor; without one nothing can be asked.
    policy_floor: Option<FloorInfo>,
    /// The root of the site's tree of noise seeds.
    #[schema(value_type = Option<String>)]
    seeds: Option<Digest>,
    /// The leaf of that tree that the next query's noise would come from.
    seed_leaf: Option<u64>,
    /// Since when it is proved that no two rows of the active version bear one tag.
    #[schema(value_type = Option<String>)]
    unique: Option<Timestamp>,
    /// Since when it is proved that the active epoch's flags are 0 or 1.
    #[schema(value_type = Option<String>)]
    flags: Option<Timestamp>,
    /// When the active version was registered.
    #[schema(value_type = String)]
    registered: Timestamp,
}

impl DatasetInfo {
    fn of(name: &str, site: &Site, dataset: &Dataset) -> Self {
        let manifest = &dataset.manifest.document;
        let epoch = dataset.epoch.as_ref().map(|epoch| &epoch.document);
        Self {
            site: name.to_owned(),
            table: manifest.table().to_owned(),
            version: manifest.version(),
            manifest: manifest.digest(),
            created: manifest.created().to_owned(),
            vintage: manifest.vintage().to_owned(),
            declared_rows: manifest.declared_rows() as u64,
            shape: manifest.shape().name.to_owned(),
            schema: manifest.schema(),
            description: dataset.schema.description().to_owned(),
            epoch: epoch.map(|epoch| EpochInfo {
                number: epoch.number(),
                created: epoch.created().to_owned(),
                digest: epoch.digest(),
                until: epoch.record().map(|record| record.until),
            }),
            consents: epoch
                .map_or_else(Vec::new, |epoch| epoch.columns().iter().map(|column| column.name.clone()).collect()),
            policy_floor: site.floor.as_ref().map(|floor| FloorInfo {
                number: floor.document.number,
                digest: floor.document.policy.digest(),
                words: floor.document.policy.describe(),
            }),
            seeds: site.seeds.as_ref().map(|seeds| seeds.document.root),
            seed_leaf: site.next_leaf(),
            unique: dataset.unique,
            flags: dataset.flags,
            registered: dataset.manifest.time,
        }
    }
}

/// A page of tables.
#[derive(Serialize, ToSchema)]
struct DatasetsAnswer {
    /// The tables, by site and name.
    datasets: Vec<DatasetInfo>,
    /// What to give as `after` for the next page; nothing at the end.
    next: Option<String>,
}

/// A table with its documents.
#[derive(Serialize, ToSchema)]
struct DatasetDetail {
    #[serde(flatten)]
    summary: DatasetInfo,
    /// The schema, whole: columns, code lists, ranges.
    #[schema(value_type = Object)]
    schema_document: Schema,
    /// The manifest, whole.
    #[schema(value_type = Object)]
    manifest_document: DatasetManifest,
    /// The epoch, whole.
    #[schema(value_type = Option<Object>)]
    epoch_document: Option<ConsentEpoch>,
    /// The policy floor, whole.
    #[schema(value_type = Option<Object>)]
    policy_document: Option<Policy>,
}

/// The tables of every site.
#[utoipa::path(tag = "catalogue", params(Page), responses(
    (status = 200, description = "A page of the catalogue", body = DatasetsAnswer),
    (status = 400, description = "After what is no table", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/datasets")]
async fn get_datasets(service: Data<Service>, page: Query<Page>) -> Result<Json<DatasetsAnswer>, Problem> {
    let Page { after, limit } = page.into_inner();
    let limit = page::size(limit);
    // Names of sites may have slashes, those of tables have none.
    let form =
        |after: &String| format!("after={after:?} is no table; give what `next` said: the site, a slash, the table");
    let after = after.as_ref().map(|after| after.rsplit_once('/').ok_or_else(|| Problem::malformed(form(after))));
    let after = after.transpose()?.map(|(site, table)| (site.to_owned(), table.to_owned()));
    let read = service.read(move |ledger| {
        ledger
            .read(|chain| {
                let sites = chain.state().sites().iter();
                let all = sites.flat_map(|(name, site)| {
                    site.tables.iter().map(move |(table, dataset)| (name, table, site, dataset))
                });
                let after = after.as_ref().map(|(site, table)| (site, table));
                let later = all
                    .filter(|(name, table, ..)| after.is_none_or(|after| (*name, *table) > after))
                    .map(|(name, _, site, dataset)| DatasetInfo::of(name, site, dataset));
                let (datasets, more) = page::cut(later, limit);
                let last = datasets.last().filter(|_| more);
                let next = last.map(|last| format!("{}/{}", last.site, last.table));
                DatasetsAnswer { datasets, next }
            })
            .map_err(Problem::from)
    });
    read.await.map(Json)
}

/// One table with its schema, manifest, epoch and policy.
#[utoipa::path(tag = "catalogue", params(
    ("site" = String, Path, description = "The site's name"), ("table" = String, Path, description = "The table's name"),
), responses(
    (status = 200, description = "The table", body = DatasetDetail),
    (status = 404, description = "No such table", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/datasets/{site}/{table}")]
async fn get_dataset(service: Data<Service>, path: Path<(String, String)>) -> Result<Json<DatasetDetail>, Problem> {
    let (name, table) = path.into_inner();
    let read = service.read(move |ledger| {
        let found = ledger.read(|chain| {
            let site = chain.state().sites().get(&name)?;
            let dataset = site.tables.get(&table)?;
            Some(DatasetDetail {
                summary: DatasetInfo::of(&name, site, dataset),
                schema_document: dataset.schema.as_ref().clone(),
                manifest_document: dataset.manifest.document.as_ref().clone(),
                epoch_document: dataset.epoch.as_ref().map(|epoch| epoch.document.as_ref().clone()),
                policy_document: site.floor.as_ref().map(|floor| floor.document.policy.clone()),
            })
        })?;
        found.ok_or_else(|| Problem::not_found("table", format!("{table:?} of {name:?}")))
    });
    read.await.map(Json)
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(get_datasets).service(get_dataset);
}
