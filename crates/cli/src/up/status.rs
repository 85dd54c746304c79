//! `dbc status`: what runs, what is away, where the logs are.

use anyhow::Result;

use super::{components, state::Network};
use crate::{context::Context, print};

/// Asks every component. The exit status is 1 when one is away.
pub async fn run(context: &Context) -> Result<u8> {
    let Some(network) = Network::load(&context.net_dir)? else {
        print::data(context.json, &serde_json::json!({"network": null}), || {
            format!("no network in {}; `dbc up` starts one", context.net_dir.display())
        });
        return Ok(1);
    };
    let mut rows = Vec::new();
    let mut values = Vec::new();
    let mut well = true;
    for component in components() {
        let health = component.health(&network).await;
        well &= health.is_ok();
        let log = match component.name() {
            "chain" => network.log("chain-0"),
            name => network.log(name),
        };
        let log = if log.is_file() { log.display().to_string() } else { String::new() };
        let (state, text) = match health {
            Ok(text) => ("well", text),
            Err(error) => ("away", format!("{error:#}")),
        };
        values.push(serde_json::json!({"component": component.name(), "state": state, "detail": text, "log": log}));
        rows.push(vec![component.name().to_string(), state.to_string(), text, log]);
    }
    let all = serde_json::json!({"network": network, "components": values});
    print::data(context.json, &all, || print::table(&["PART", "STATE", "DETAIL", "LOG"], &rows));
    Ok(u8::from(!well))
}
