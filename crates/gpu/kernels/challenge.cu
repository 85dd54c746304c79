// The audit challenge on a CUDA card; what each kernel computes stands in crates/bench/src/{field,prove,tree}.rs,
// bit for bit. Compiled to `challenge.ptx` by `crates/gpu/kernels/build.sh` with Debian's clang alone; the card's
// driver does the rest. Launch shapes: crates/gpu/src/kernels.rs.

typedef unsigned int u32;
typedef unsigned long long u64;
typedef u32 u32x4 __attribute__((ext_vector_type(4)));

#define GLOBAL extern "C" __attribute__((global))
#define DEVICE static inline __attribute__((device, always_inline))
#define SHARED __attribute__((shared))

#define THREAD ((u32)__nvvm_read_ptx_sreg_tid_x())
#define BLOCK_X ((u32)__nvvm_read_ptx_sreg_ctaid_x())
#define BLOCK_Y ((u32)__nvvm_read_ptx_sreg_ctaid_y())
#define THREADS ((u32)__nvvm_read_ptx_sreg_ntid_x())
#define BARRIER() __syncthreads()

#define P 0x7fffffffu

// --- BLAKE2b (RFC 7693) -------------------------------------------------------------------------------------

__attribute__((constant)) static const u64 IV[8] = {
    0x6a09e667f3bcc908ull, 0xbb67ae8584caa73bull, 0x3c6ef372fe94f82bull, 0xa54ff53a5f1d36f1ull,
    0x510e527fade682d1ull, 0x9b05688c2b3e6c1full, 0x1f83d9abfb41bd6bull, 0x5be0cd19137e2179ull};

DEVICE u64 rotr(u64 x, int n) { return (x >> n) | (x << (64 - n)); }

#define G(a, b, c, d, x, y)                                                                                        \
    a += b + (x);                                                                                                  \
    d = rotr(d ^ a, 32);                                                                                           \
    c += d;                                                                                                        \
    b = rotr(b ^ c, 24);                                                                                           \
    a += b + (y);                                                                                                  \
    d = rotr(d ^ a, 16);                                                                                           \
    c += d;                                                                                                        \
    b = rotr(b ^ c, 63);

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, sa, sb, sc, sd, se, sf)                                       \
    G(v0, v4, v8, vc, m[s0], m[s1])                                                                                \
    G(v1, v5, v9, vd, m[s2], m[s3])                                                                                \
    G(v2, v6, va, ve, m[s4], m[s5])                                                                                \
    G(v3, v7, vb, vf, m[s6], m[s7])                                                                                \
    G(v0, v5, va, vf, m[s8], m[s9])                                                                                \
    G(v1, v6, vb, vc, m[sa], m[sb])                                                                                \
    G(v2, v7, v8, vd, m[sc], m[sd])                                                                                \
    G(v3, v4, v9, ve, m[se], m[sf])

// One block: `h` is the state, `t` the bytes so far, `last` all ones at the end.
DEVICE void compress(u64 h[8], const u64 m[16], u64 t, u64 last) {
    u64 v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
    u64 v8 = IV[0], v9 = IV[1], va = IV[2], vb = IV[3], vc = IV[4] ^ t, vd = IV[5], ve = IV[6] ^ last, vf = IV[7];
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3)
    ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4)
    ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8)
    ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13)
    ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9)
    ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11)
    ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10)
    ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5)
    ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0)
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3)
    h[0] ^= v0 ^ v8;
    h[1] ^= v1 ^ v9;
    h[2] ^= v2 ^ va;
    h[3] ^= v3 ^ vb;
    h[4] ^= v4 ^ vc;
    h[5] ^= v5 ^ vd;
    h[6] ^= v6 ^ ve;
    h[7] ^= v7 ^ vf;
}

DEVICE void begin(u64 h[8], u32 bytes) {
    for (int i = 0; i < 8; i++) h[i] = IV[i];
    h[0] ^= 0x01010000ull ^ bytes;
}

// --- Rows ---------------------------------------------------------------------------------------------------

// The keys of a factor's rows, a thread a row: the hash of a message of `bytes` <= 128 bytes. `message` has it with zeros
// where the row's own numbers go: the link at `at`, the row behind it and, where `leaves` are given, the hashes of
// two rows of the product before.
GLOBAL void keys(const u64 *message, u32 bytes, u32 at, u32 link, u32 edge, const u64 *leaves, u64 *out) {
    u32 row = BLOCK_X * THREADS + THREAD;
    if (row >= edge) return;
    unsigned char text[128];
    u64 m[16], h[8];
    for (int i = 0; i < 16; i++)
        for (int b = 0; b < 8; b++) text[8 * i + b] = (unsigned char)(message[i] >> (8 * b));
    for (int b = 0; b < 4; b++) {
        text[at + b] = (unsigned char)(link >> (8 * b));
        text[at + 4 + b] = (unsigned char)(row >> (8 * b));
    }
    if (leaves) {
        for (int which = 0; which < 2; which++)
            for (int i = 0; i < 4; i++) {
                u64 word = leaves[4 * (u64)((row + which) % edge) + i];
                for (int b = 0; b < 8; b++) text[at + 8 + 32 * which + 8 * i + b] = (unsigned char)(word >> (8 * b));
            }
    }
    for (int i = 0; i < 16; i++) {
        m[i] = 0;
        for (int b = 0; b < 8; b++) m[i] |= (u64)text[8 * i + b] << (8 * b);
    }
    begin(h, 32);
    compress(h, m, bytes, ~0ull);
    for (int i = 0; i < 4; i++) out[4 * (u64)row + i] = h[i];
}

// A factor from the keys of its rows: a block of threads a row, 16 elements a thread at a time. Where `leaves` are
// given, the same row of an earlier product is added, which the row's hash in the product before names: one of the
// `step` products that `kept` begins with.
GLOBAL void expand(const u64 *keys, u32 edge, u32 step, const u64 *leaves, const u32 *kept, u32 *out) {
    u32 row = BLOCK_X;
    const u32 *early = kept;
    if (leaves) early = kept + (leaves[4 * (u64)row] % step * edge + row) * edge;
    for (u32 place = THREAD; place < edge / 16; place += THREADS) {
        u64 h[8], m[16];
        begin(h, 64);
        for (int i = 0; i < 16; i++) m[i] = 0;
        for (int i = 0; i < 4; i++) m[i] = keys[4 * (u64)row + i];
        m[4] = place;
        compress(h, m, 36, ~0ull);
        u32x4 *to = (u32x4 *)(out + (u64)row * edge + place * 16);
        const u32x4 *from = (const u32x4 *)(early + place * 16);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            u32x4 four = {(u32)h[2 * i], (u32)(h[2 * i] >> 32), (u32)h[2 * i + 1], (u32)(h[2 * i + 1] >> 32)};
            four &= P;
            // One value of 2^31 is P itself.
#pragma unroll
            for (int j = 0; j < 4; j++) four[j] = four[j] == P ? 0 : four[j];
            if (leaves) {
                four += from[i];
#pragma unroll
                for (int j = 0; j < 4; j++) four[j] = four[j] >= P ? four[j] - P : four[j];
            }
            to[i] = four;
        }
    }
}

// Hashes of the rows of a product: a thread a row. The purpose takes 18 bytes, so that the elements stand two bytes
// off the words of the message.
GLOBAL void leaves(const u64 *product, u32 edge, u64 *out) {
    u32 row = BLOCK_X * THREADS + THREAD;
    if (row >= edge) return;
    const u64 *data = product + (u64)row * edge / 2;
    u32 words = edge / 2, bytes = 18 + 4 * edge, taken = 0;
    u64 h[8], m[16];
    // The last two bytes of "\x11dbc/challenge/row", as if they were the end of a word of data.
    u64 before = 0x776full << 48;
    begin(h, 32);
    for (u32 done = 0; done < bytes;) {
#pragma unroll
        for (int i = 0; i < 16; i++) {
            if (done == 0 && i < 2) {
                m[i] = i == 0 ? 0x6168632f63626411ull : 0x722f65676e656c6cull;
                continue;
            }
            u64 now = taken < words ? data[taken] : 0;
            taken++;
            m[i] = (before >> 48) | (now << 16);
            before = now;
        }
        done = bytes - done < 128 ? bytes : done + 128;
        compress(h, m, done, done == bytes ? ~0ull : 0);
    }
    for (int i = 0; i < 4; i++) out[4 * (u64)row + i] = h[i];
}

// --- The product --------------------------------------------------------------------------------------------

#define TILE_M 128
#define TILE_N 64
#define TILE_K 16
#define EACH_M 8
#define EACH_N 4

DEVICE u64 fold(u64 sum) { return (sum & P) + (sum >> 31); }

// C = A x B modulo 2^31 - 1. Four products and a folded sum stay below 2^64: 4 (2^31 - 2)^2 = 2^64 - 2^35 + 16.
// Blocks of 256 threads; edge is a multiple of 128.
GLOBAL void multiply(const u32 *a, const u32 *b, u32 *c, u32 edge) {
    SHARED static u32x4 left[TILE_K][TILE_M / 4];
    SHARED static u32x4 right[TILE_K][TILE_N / 4];
    u32 thread = THREAD;
    u32 row0 = BLOCK_Y * TILE_M, column0 = BLOCK_X * TILE_N;
    u32 at_m = thread / (TILE_N / EACH_N) * EACH_M, at_n = thread % (TILE_N / EACH_N) * EACH_N;
    u64 sums[EACH_M][EACH_N];
#pragma unroll
    for (int i = 0; i < EACH_M; i++)
#pragma unroll
        for (int j = 0; j < EACH_N; j++) sums[i][j] = 0;

    // Each thread brings 8 elements of a row of A and 4 of a row of B, while the tile before is worked on.
    u32 a_row = thread / 2, a_k = thread % 2 * 8;
    u32 b_k = thread / 16, b_column = thread % 16 * 4;
    const u32 *a_from = a + (u64)(row0 + a_row) * edge + a_k;
    const u32 *b_from = b + (u64)b_k * edge + column0 + b_column;
    u32x4 a_low = ((const u32x4 *)a_from)[0], a_high = ((const u32x4 *)a_from)[1];
    u32x4 b_next = *(const u32x4 *)b_from;
    u32 *left_words = (u32 *)left;

    for (u32 k = 0; k < edge; k += TILE_K) {
        BARRIER();
#pragma unroll
        for (int i = 0; i < 4; i++) {
            left_words[(a_k + i) * TILE_M + a_row] = a_low[i];
            left_words[(a_k + 4 + i) * TILE_M + a_row] = a_high[i];
        }
        right[b_k][b_column / 4] = b_next;
        BARRIER();
        if (k + TILE_K < edge) {
            a_from += TILE_K;
            b_from += (u64)TILE_K * edge;
            a_low = ((const u32x4 *)a_from)[0];
            a_high = ((const u32x4 *)a_from)[1];
            b_next = *(const u32x4 *)b_from;
        }
#pragma unroll
        for (int quad = 0; quad < TILE_K; quad += 4) {
#pragma unroll
            for (int step = 0; step < 4; step++) {
                u32x4 x0 = left[quad + step][at_m / 4], x1 = left[quad + step][at_m / 4 + 1];
                u32x4 y = right[quad + step][at_n / 4];
#pragma unroll
                for (int i = 0; i < 4; i++)
#pragma unroll
                    for (int j = 0; j < EACH_N; j++) {
                        sums[i][j] += (u64)x0[i] * y[j];
                        sums[4 + i][j] += (u64)x1[i] * y[j];
                    }
            }
#pragma unroll
            for (int i = 0; i < EACH_M; i++)
#pragma unroll
                for (int j = 0; j < EACH_N; j++) sums[i][j] = fold(sums[i][j]);
        }
    }
#pragma unroll
    for (int i = 0; i < EACH_M; i++) {
        u32x4 four;
#pragma unroll
        for (int j = 0; j < EACH_N; j++) {
            u32 sum = (u32)fold(fold(sums[i][j]));
            four[j] = sum >= P ? sum - P : sum;
        }
        *(u32x4 *)(c + (u64)(row0 + at_m + i) * edge + column0 + at_n) = four;
    }
}
