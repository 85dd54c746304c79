//! The kernels of `kernels/challenge.cu` and their launch shapes. Buffers go as device addresses: each has one owner,
//! a lane, which keeps it until its stream is done.

use std::sync::Arc;

use cudarc::{
    driver::{CudaContext, CudaFunction, CudaStream, LaunchConfig, PushKernelArg as _, sys},
    nvrtc::Ptx,
};

use crate::card::{CardError, asked};

/// Compiled by `kernels/build.sh`; the driver makes machine code of it when it is loaded.
const PTX: &str = include_str!("../kernels/challenge.ptx");

/// Smallest edge that the kernels take: a tile of the product.
pub const EDGE_MIN: u32 = 128;

/// An address in a card's memory; 0 is none.
pub type Address = sys::CUdeviceptr;

/// The message that a row's key is the hash of, with zeros where its link and row stand.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Where its 128 bytes are on the card.
    pub address: Address,
    /// Its length.
    pub bytes: u32,
    /// Where the link stands in it.
    pub at: u32,
}

/// The kernels on a card.
pub struct Kernels {
    keys: CudaFunction,
    expand: CudaFunction,
    leaves: CudaFunction,
    multiply: CudaFunction,
}

impl Kernels {
    /// Loads them.
    pub fn load(context: &Arc<CudaContext>) -> Result<Self, CardError> {
        let module = asked("take the kernels", context.load_module(Ptx::from_src(PTX)))?;
        let get = |name| asked("find a kernel", module.load_function(name));
        Ok(Self {
            keys: get("keys")?,
            expand: get("expand")?,
            leaves: get("leaves")?,
            multiply: get("multiply")?,
        })
    }

    /// Keys of a factor's rows into `out`, 32 bytes each; `before` has the hashes of the product before, or is 0.
    pub fn keys(
        &self,
        stream: &CudaStream,
        message: &Message,
        (link, edge): (u32, u32),
        before: Address,
        out: Address,
    ) -> Result<(), CardError> {
        let mut launch = stream.launch_builder(&self.keys);
        launch.arg(&message.address).arg(&message.bytes).arg(&message.at);
        launch.arg(&link).arg(&edge).arg(&before).arg(&out);
        // SAFETY: the arguments are those of the kernel, which writes `edge` keys to `out`.
        asked("hash keys", unsafe { launch.launch(shape(edge.div_ceil(64), 1, 64)) }).map(drop)
    }

    /// A factor of `edge` rows from its `keys` into `out`. With `before`, earlier rows are added, of the `step`
    /// products at `kept`.
    pub fn expand(
        &self,
        stream: &CudaStream,
        keys: Address,
        (edge, step): (u32, u32),
        (before, kept): (Address, Address),
        out: Address,
    ) -> Result<(), CardError> {
        let mut launch = stream.launch_builder(&self.expand);
        launch.arg(&keys).arg(&edge).arg(&step).arg(&before).arg(&kept).arg(&out);
        // SAFETY: the arguments are those of the kernel, which writes `edge` rows to `out` and reads of `kept` the
        // products before `step` alone.
        asked("make a factor", unsafe { launch.launch(shape(edge, 1, edge / 16)) }).map(drop)
    }

    /// Hashes of a product's rows into `out`, 32 bytes each.
    pub fn leaves(
        &self,
        stream: &CudaStream,
        product: Address,
        edge: u32,
        out: Address,
    ) -> Result<(), CardError> {
        let mut launch = stream.launch_builder(&self.leaves);
        launch.arg(&product).arg(&edge).arg(&out);
        // SAFETY: the arguments are those of the kernel, which writes `edge` hashes to `out`.
        asked("hash rows", unsafe { launch.launch(shape(edge.div_ceil(32), 1, 32)) }).map(drop)
    }

    /// `out = a × b`.
    pub fn multiply(
        &self,
        stream: &CudaStream,
        (a, b): (Address, Address),
        edge: u32,
        out: Address,
    ) -> Result<(), CardError> {
        let mut launch = stream.launch_builder(&self.multiply);
        launch.arg(&a).arg(&b).arg(&out).arg(&edge);
        // SAFETY: the arguments are those of the kernel; its tiles of 128 × 64 cover the product exactly, because the
        // edge is a multiple of 128.
        asked("multiply", unsafe { launch.launch(shape(edge / 64, edge / 128, 256)) }).map(drop)
    }
}

fn shape(x: u32, y: u32, threads: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (x, y, 1), block_dim: (threads, 1, 1), shared_mem_bytes: 0 }
}
