//! Command line of the node. Running needs no subcommand; everything about keys, blocks and the
//! database comes from `sc-cli`.

use std::path::PathBuf;

/// The arguments.
#[derive(Debug, clap::Parser)]
pub struct Cli {
    /// What to do instead of running.
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    /// Arguments of a running node.
    #[clap(flatten)]
    pub run: sc_cli::RunCmd,

    /// Folder for compiled runtimes. Whoever can write to it decides what the node executes: share it only between
    /// nodes of the same owner.
    ///
    /// Defaults to a folder beside the database.
    #[arg(long, value_name = "DIR")]
    pub wasm_cache: Option<PathBuf>,
}

/// What a node binary does beside running.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Make a chain spec from a runtime and one of its genesis presets.
    ///
    /// Example: dbc-node chain-spec --runtime runtime.wasm --preset dev --output dev.json
    ChainSpec(ChainSpecCmd),

    /// Write the metadata of a runtime to a file.
    ///
    /// Example: dbc-node metadata --runtime runtime.wasm --output metadata.scale
    Metadata(MetadataCmd),

    /// Generate, inspect and insert keys.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Check blocks again.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Export blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Import blocks from a file.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Remove the database of a chain.
    PurgeChain(sc_cli::PurgeChainCmd),
}

/// Arguments of `chain-spec`.
#[derive(Debug, clap::Args)]
pub struct ChainSpecCmd {
    /// File with the runtime's WebAssembly (`cargo xtask wasm` makes it).
    #[arg(long)]
    pub runtime: PathBuf,

    /// Preset of the runtime: `dev` (one validator) or `local` (four).
    #[arg(long, default_value = "dev")]
    pub preset: String,

    /// Name for people.
    #[arg(long, default_value = "DBC Development")]
    pub name: String,

    /// Identifier, part of file names.
    #[arg(long, default_value = "dbc-dev")]
    pub id: String,

    /// JSON file merged over the preset's genesis.
    #[arg(long)]
    pub patch: Option<PathBuf>,

    /// File to write; standard output without it.
    #[arg(long)]
    pub output: Option<PathBuf>,

    /// Write the full storage instead of the readable form. Nodes start several seconds faster with it.
    #[arg(long)]
    pub raw: bool,

    /// Folder for compiled runtimes, as of a running node.
    #[arg(long, value_name = "DIR")]
    pub wasm_cache: Option<PathBuf>,
}

/// Arguments of `metadata`.
#[derive(Debug, clap::Args)]
pub struct MetadataCmd {
    /// File with the runtime's WebAssembly.
    #[arg(long)]
    pub runtime: PathBuf,

    /// Version of the metadata format.
    #[arg(long, default_value_t = 16)]
    pub format: u32,

    /// File to write.
    #[arg(long)]
    pub output: PathBuf,

    /// Folder for compiled runtimes, as of a running node.
    #[arg(long, value_name = "DIR")]
    pub wasm_cache: Option<PathBuf>,
}
