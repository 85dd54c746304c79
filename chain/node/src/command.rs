//! Turns the command line into work.

use sc_cli::SubstrateCli;
use sc_service::PartialComponents;

use crate::{
    chain_spec,
    cli::{ChainSpecCmd, Cli, MetadataCmd, Subcommand},
    runtime_file::RuntimeFile,
    service,
};

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "DBC Node".into()
    }

    fn impl_version() -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn description() -> String {
        env!("CARGO_PKG_DESCRIPTION").into()
    }

    fn author() -> String {
        "The DBC developers".into()
    }

    fn support_url() -> String {
        "see README.md".into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, path: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
        chain_spec::load(path)
    }
}

/// Parses the arguments and runs.
pub fn run() -> sc_cli::Result<()> {
    let cli = Cli::from_args();
    match &cli.subcommand {
        None => {
            let wasm_cache = cli.wasm_cache.clone();
            let runner = cli.create_runner(&cli.run)?;
            runner.run_node_until_exit(|config| async move {
                service::start(config, wasm_cache).map_err(sc_cli::Error::Service)
            })
        }
        Some(Subcommand::ChainSpec(cmd)) => make_spec(cmd),
        Some(Subcommand::Metadata(cmd)) => write_metadata(cmd),
        Some(Subcommand::Key(cmd)) => cmd.run(&cli),
        Some(Subcommand::CheckBlock(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents { client, task_manager, import_queue, .. } =
                service::parts(&config, None)?;
            Ok((cmd.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::ExportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents { client, task_manager, .. } = service::parts(&config, None)?;
            Ok((cmd.run(client, config.database), task_manager))
        }),
        Some(Subcommand::ImportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents { client, task_manager, import_queue, .. } =
                service::parts(&config, None)?;
            Ok((cmd.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::PurgeChain(cmd)) => {
            cli.create_runner(cmd)?.sync_run(|config| cmd.run(config.database))
        }
    }
}

fn make_spec(cmd: &ChainSpecCmd) -> sc_cli::Result<()> {
    let json = chain_spec::make(&chain_spec::Order {
        runtime: &RuntimeFile::open(&cmd.runtime, cmd.wasm_cache.clone())?,
        preset: &cmd.preset,
        name: &cmd.name,
        id: &cmd.id,
        patch: cmd.patch.as_deref(),
        raw: cmd.raw,
    })?;
    match &cmd.output {
        Some(path) => Ok(std::fs::write(path, json)?),
        None => {
            use std::io::Write as _;
            Ok(std::io::stdout().write_all(json.as_bytes())?)
        }
    }
}

fn write_metadata(cmd: &MetadataCmd) -> sc_cli::Result<()> {
    let runtime = RuntimeFile::open(&cmd.runtime, cmd.wasm_cache.clone())?;
    let metadata = runtime.metadata(cmd.format)?;
    Ok(std::fs::write(&cmd.output, metadata)?)
}
