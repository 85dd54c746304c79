//! `dbc grant …`: let others in.

use anyhow::Result;
use dbc_sdk::{ErrorCode, GrantOrder, GrantView, Verbs};

use crate::{
    args::{Grant, GrantTerms},
    context::Context,
    failure::coded,
    print,
};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Grant) -> Result<u8> {
    let market = context.market()?;
    match args {
        Grant::Create { lease, terms, pinned } => {
            let grant = market.grant_create(lease, &order(terms, pinned)?).await?;
            made(context, &grant);
        }
        Grant::Delegate { token, terms } => {
            let grant = market.grant_delegate(&token, &order(terms, false)?).await?;
            made(context, &grant);
        }
        Grant::List { lease } => {
            let grants = market.grant_list(lease)?;
            print::data(context.json, &grants, || list(&grants));
        }
        Grant::Revoke { lease, id: Some(id), .. } => {
            let grant = market.grant_revoke(lease, &id).await?;
            print::data(context.json, &grant, || format!("grant {} is void", grant.id));
        }
        Grant::Revoke { lease, id: None, .. } => {
            let tx = market.revoke_all(&context.signer()?, lease).await?;
            print::data(context.json, &tx, || {
                format!("all grants of lease {lease} made so far are void")
            });
        }
    }
    market.close().await;
    Ok(0)
}

fn order(terms: GrantTerms, pinned: bool) -> Result<GrantOrder> {
    let invalid =
        |what: &str, why: String| coded(ErrorCode::InvalidInput, format!("{what}: {why}"));
    let verbs: Result<Verbs, _> = terms.allow.iter().map(|word| word.parse()).collect();
    Ok(GrantOrder {
        holder: terms.holder.parse().map_err(|_| {
            invalid("--holder", "is no key; `dbc wallet show` on that device prints it".into())
        })?,
        verbs: verbs.map_err(|error: dbc_agent_api::verb::UnknownVerb| {
            invalid("--allow", error.to_string())
        })?,
        for_s: terms.duration,
        pinned,
        label: terms.label,
    })
}

fn made(context: &Context, grant: &GrantView) {
    print::data(context.json, grant, || {
        print::note(&format!(
            "grant {} for lease {}; only the device of that key can use it:",
            grant.id, grant.lease
        ));
        grant.token.clone()
    });
}

fn list(grants: &[GrantView]) -> String {
    if grants.is_empty() {
        return "no grants; `dbc grant create` makes one".into();
    }
    let row = |grant: &GrantView| {
        let verbs: Vec<_> = grant.verbs.0.iter().map(ToString::to_string).collect();
        vec![
            grant.id.clone(),
            grant.lease.to_string(),
            verbs.join(","),
            if grant.revoked { "revoked".into() } else { grant.until.to_string() },
            grant.holder.to_string(),
            grant.label.clone(),
        ]
    };
    print::table(
        &["GRANT", "LEASE", "ALLOWS", "UNTIL", "HOLDER", "LABEL"],
        &grants.iter().map(row).collect::<Vec<_>>(),
    )
}
