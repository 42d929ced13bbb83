// fakenvml.c - a fake NVIDIA Management Library for tests and benchmarks.
//
// Written from scratch against the public NVML ABI (function names, argument
// order, struct layouts and enum numbers as a caller sees them).  It holds no
// NVIDIA code and talks to no device.  Load it instead of libnvidia-ml.so.1 by
// putting its folder first in LD_LIBRARY_PATH.
//
// Environment (read at nvmlInit):
//   FAKE_NVML_GPUS=8            number of GPUs (0..64)
//   FAKE_NVML_KIND=h100         what they are and what they lack: h100 a100 t4 geforce gb10 old (table `kinds`)
//   FAKE_NVML_NAME="..."        product name (default NVIDIA H100 80GB HBM3)
//   FAKE_NVML_MEM_MIB=81559     memory per GPU
//   FAKE_NVML_PIDS=...          processes: "GPU:PID:MIB:SM[:C|G|M],..." or plain "PID,PID,.."
//                               (MIB -1 = the driver does not know; plain pids are dealt round robin over the GPUs); "self" = caller
//   FAKE_NVML_PIDS_FILE=path    the same, one entry per line, re-read when it changes
//   FAKE_NVML_ROOT=0|1          may setters work? default: is the effective uid 0
//   FAKE_NVML_CONTROL=path      fault injection file (see control.md)
//   FAKE_NVML_CHECK_MS=50       how long the control file is not looked at again; 0 = at every call
//   FAKE_NVML_STATE=path        state shared between processes (setters seen by others); default private
//   FAKE_NVML_LOG=path          every setter call and its result is appended here as a line
//   FAKE_NVML_CALLS=path        per-function call counters, in a mapped file: records of a 56 byte name and a u64
//   FAKE_NVML_TIME=seconds      freeze the model's clock (deterministic values)
//   FAKE_NVML_LATENCY_US=n      sleep in every device call
//   FAKE_NVML_PCIE_MS=20        PCIe throughput call blocks this long (the real one samples 20 ms); default 0
//   FAKE_NVML_MIG="0:3,1:7"     GPU 0 has MIG on with 3 devices, GPU 1 with 7
//   FAKE_NVML_FAN=1             model fans (data-centre parts have none: NOT_SUPPORTED)
//   FAKE_NVML_ABSENT=f1,f2      functions that answer FUNCTION_NOT_FOUND (an old driver)
//   FAKE_NVML_NOSUP=f1,f2       functions that answer NOT_SUPPORTED
//   FAKE_NVML_NOFIELDS=197,198  field ids that answer NOT_SUPPORTED
//   FAKE_NVML_VGPU="0:2"        GPU 0 hosts 2 vGPUs
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAXGPU 64
#define MAXMIG 7
#define EXPORT __attribute__((visibility("default")))
typedef int ret_t;
enum {
  OK = 0, UNINIT = 1, INVAL = 2, NOSUP = 3, NOPERM = 4, NOTFOUND = 6, SMALL = 7, NODRV = 9,
  TIMEOUT = 10, NOFUNC = 13, LOST = 15, RESETREQ = 16, MISMATCH = 18, NODATA = 20 + 1, ARGVER = 25, UNKNOWN = 999
};
typedef unsigned int u32;
typedef unsigned long long u64;

struct dev { int gpu, mig; };  // mig: -1 for the whole GPU
typedef struct dev *dev_t_;
static struct dev devs[MAXGPU], migs[MAXGPU][MAXMIG];

// ---- state that setters change; may be shared between processes -------------------------------
struct gpustate {
  u32 power_limit_mw, persistence, compute_mode, ecc_pending, mig_pending, accounting;
  u32 lock_gmin, lock_gmax, lock_mmin, lock_mmax, app_g, app_m, fan_manual, fan_pct;
};
struct state { u32 magic, ngpu; struct gpustate g[MAXGPU]; };
static struct state *S;

// ---- product kinds: what such boards answer, after the nvidia-smi -q dumps of NVIDIA/k8s-test-infra ----------
struct kind {
  const char *key, *name; u64 mem_mib; u32 arch, cc, cores, bus, links, fans, gpm;
  u32 power_min, power_max, power_default, sm_max, mem_max; const char *absent, *nosup, *nofields;
};
#define NO_ECC "nvmlDeviceGetEccMode,nvmlDeviceGetTotalEccErrors,nvmlDeviceGetMemoryErrorCounter,nvmlDeviceGetSramEccErrorStatus,nvmlDeviceGetRemappedRows,nvmlDeviceGetRowRemapperHistogram,"
#define NO_MIG "nvmlDeviceGetMigMode,nvmlDeviceGetMaxMigDeviceCount,nvmlDeviceGetMigDeviceHandleByIndex,"
#define NO_HOPPER "nvmlDeviceGetMarginTemperature,nvmlDeviceGetGpuFabricInfoV,nvmlDeviceWorkloadPowerProfileGetCurrentProfiles,"
#define ECC_FIELDS "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,"
#define REMAP_FIELDS "142,143,144,145,"
static const struct kind kinds[] = {
  {"h100", "NVIDIA H100 80GB HBM3", 81559, 9, 90, 16896, 5120, 18, 0, 1, 200, 700, 700, 1980, 2619, "", "", "29,30,31"},
  {"a100", "NVIDIA A100-SXM4-80GB", 81920, 7, 80, 6912, 5120, 12, 0, 0, 100, 400, 400, 1410, 1593, "", NO_HOPPER, "29,30,31,193,194,195,196,197,198,297"},
  {"t4", "Tesla T4", 15360, 6, 75, 2560, 256, 0, 0, 0, 60, 70, 70, 1590, 5001, "",
   NO_HOPPER NO_MIG "nvmlDeviceGetRemappedRows,nvmlDeviceGetRowRemapperHistogram,nvmlDeviceGetJpgUtilization,nvmlDeviceGetOfaUtilization,nvmlDeviceGetSramEccErrorStatus,",
   REMAP_FIELDS "82,185,186,193,194,195,196,197,198,297"},
  {"geforce", "NVIDIA GeForce RTX 4090", 24564, 8, 89, 16384, 384, 0, 2, 0, 150, 600, 450, 3105, 10501, "",
   NO_HOPPER NO_MIG NO_ECC "nvmlDeviceGetSerial,nvmlDeviceGetBoardPartNumber,nvmlDeviceGetApplicationsClock,nvmlDeviceGetDefaultApplicationsClock,",
   ECC_FIELDS REMAP_FIELDS "82,197,198,297"},
  {"gb10", "NVIDIA GB10", 0, 10, 121, 6144, 256, 0, 0, 0, 0, 0, 0, 3003, 8533, "",
   NO_HOPPER NO_MIG NO_ECC "nvmlDeviceGetMemoryInfo,nvmlDeviceGetMemoryInfo_v2,nvmlDeviceGetBAR1MemoryInfo,nvmlDeviceGetEnforcedPowerLimit,nvmlDeviceGetPowerManagementLimit,nvmlDeviceGetPowerManagementDefaultLimit,nvmlDeviceGetPowerManagementLimitConstraints,",
   ECC_FIELDS REMAP_FIELDS "82,187,188,189,190,192,193,194,195,196,197,198,297"},
  {"old", "Tesla P40", 23040, 4, 61, 3840, 384, 0, 0, 0, 125, 250, 250, 1531, 3615,
   "nvmlDeviceGetMemoryInfo_v2,nvmlDeviceGetTemperatureV,nvmlDeviceGetCurrentClocksEventReasons,nvmlDeviceGetSupportedClocksEventReasons,nvmlDeviceGetComputeRunningProcesses_v3,nvmlDeviceGetGraphicsRunningProcesses_v3,nvmlDeviceGetMPSComputeRunningProcesses_v3,nvmlGpmQueryDeviceSupport,nvmlDeviceGetNumGpuCores,nvmlDeviceGetPowerSource,nvmlDeviceGetFanSpeedRPM,nvmlDeviceGetGspFirmwareVersion,",
   NO_HOPPER NO_MIG "nvmlDeviceGetTotalEnergyConsumption,nvmlDeviceGetRemappedRows,nvmlDeviceGetRowRemapperHistogram,",
   REMAP_FIELDS "82,83,185,186,187,188,189,190,191,192,193,194,195,196,197,198,230,269,270,271,297"},
};
static const struct kind *K = kinds;
static const char *nosup_env, *nofields_env;
static int listed(const char *list, const char *name) {  // is name one of a comma separated list?
  size_t n = strlen(name);
  for (const char *p = list; p && (p = strstr(p, name)); p += n) if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ',')) return 1;
  return 0;
}

// ---- faults from the control file ---------------------------------------------------------------
struct fail { int gpu; char fn[64]; int code; int us; };
struct gpufault {
  int lost, hang, mig;
  double temp, memtemp, util, memutil, power, mem_mib, sbe, dbe, remap_unc, remap_cor, retired, throttle_set;
  int remap_pending, remap_failure, recovery, pstate;
  u64 throttle; u32 link_down;
  int nxid; u32 xid[16];
};
static struct {
  int latency_us, hang, nodriver, mismatch, stale, nfail, nuser, noproc; double freeze;
  struct gpufault g[MAXGPU];
  struct fail f[64];
} C;
static struct timespec ctl_mtime; static off_t ctl_size = -1; static ino_t ctl_inode; static u64 ctl_checked_ns, check_ns = 50000000ull;

struct proc { int gpu; u32 pid; u64 mib; u32 sm; char type; };
static struct proc *procs; static int nprocs; static struct timespec pids_mtime; static u64 pids_checked_ns;

static int ngpu = 8, inited, root = 1, lat_us, pcie_ms, fans, mig_n[MAXGPU], vgpu_n[MAXGPU], dead, renewed;
static double frozen = -1; static u64 mem_mib = 81559;
static const char *name_ = "NVIDIA H100 80GB HBM3", *ctl_path, *pids_path, *log_path, *absent;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

// ---- call counters --------------------------------------------------------------------------------
struct counter { char name[56]; u64 n; };
static struct counter *counters; static int ncounters; enum { MAXCOUNTERS = 512 };
static void count_call(const char *fn, int *slot) {
  if (!counters) return;
  int s = __atomic_load_n(slot, __ATOMIC_RELAXED);
  if (!s) {
    pthread_mutex_lock(&mu);
    for (s = 1; s < MAXCOUNTERS && counters[s].name[0] && strcmp(counters[s].name, fn); s++) {}
    if (s < MAXCOUNTERS && !counters[s].name[0]) strncpy(counters[s].name, fn, sizeof counters[s].name - 1);
    __atomic_store_n(slot, s, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&mu);
  }
  if (s < MAXCOUNTERS) __atomic_add_fetch(&counters[s].n, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&counters[0].n, 1, __ATOMIC_RELAXED);
}

static u64 mono_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC_COARSE, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static double now(void) {
  if (C.freeze >= 0) return C.freeze;
  if (frozen >= 0) return frozen;
  struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return t.tv_sec + t.tv_nsec * 1e-9;
}
static u64 now_us(void) { return (u64)(now() * 1e6); }
static void sleep_us(long us) { struct timespec t = {us / 1000000, us % 1000000 * 1000}; while (nanosleep(&t, &t) && errno == EINTR) {} }

static void fault_defaults(void) {
  memset(&C, 0, sizeof C); C.freeze = -1;
  for (int i = 0; i < MAXGPU; i++) {
    struct gpufault *g = &C.g[i];
    g->temp = g->memtemp = g->util = g->memutil = g->power = g->mem_mib = g->sbe = g->dbe = g->remap_unc = g->remap_cor = g->retired = g->throttle_set = -1;
    g->pstate = -1; g->mig = -1;
  }
}

static void parse_control(char *text) {
  fault_defaults();
  for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    char *hash = strchr(line, '#'); if (hash) *hash = 0;
    char *sp, *w[8]; int n = 0;
    for (char *t = strtok_r(line, " \t\r", &sp); t && n < 8; t = strtok_r(NULL, " \t\r", &sp)) w[n++] = t;
    if (!n) continue;
    int lo = -1, hi = -1, k = 0;
    if (!strcmp(w[0], "gpu") && n >= 3) {
      if (!strcmp(w[1], "*")) lo = 0, hi = MAXGPU - 1; else lo = hi = atoi(w[1]);
      if (lo < 0 || hi >= MAXGPU) continue;
      k = 2;
    }
    const char *key = w[k]; double v = n > k + 1 ? strtod(w[k + 1], NULL) : 1;
    if (lo < 0) {
      if (!strcmp(key, "latency_ms")) C.latency_us = v * 1000;
      else if (!strcmp(key, "latency_us") && n == 2) C.latency_us = v;
      else if (!strcmp(key, "latency_us") && n > 2 && C.nfail < 64) { struct fail *f = &C.f[C.nfail++]; f->gpu = -1; snprintf(f->fn, 64, "%s", w[1]); f->us = atoi(w[2]); }
      else if (!strcmp(key, "hang")) C.hang = 1;
      else if (!strcmp(key, "driver_unloaded")) C.nodriver = 1;
      else if (!strcmp(key, "stale")) C.stale = 1;
      else if (!strcmp(key, "version_mismatch")) C.mismatch = 1;
      else if (!strcmp(key, "freeze")) C.freeze = v;
      else if (!strcmp(key, "noprocs")) C.noproc = 1;
      else if (!strcmp(key, "fail") && n > 2 && C.nfail < 64) { struct fail *f = &C.f[C.nfail++]; f->gpu = -1; snprintf(f->fn, 64, "%s", w[1]); f->code = atoi(w[2]); }
      continue;
    }
    for (int i = lo; i <= hi; i++) {
      struct gpufault *g = &C.g[i];
      if (!strcmp(key, "lost")) g->lost = 1;
      else if (!strcmp(key, "hang")) g->hang = 1;
      else if (!strcmp(key, "xid")) { if (g->nxid < 16) g->xid[g->nxid++] = v; }
      else if (!strcmp(key, "temp")) g->temp = v;
      else if (!strcmp(key, "memtemp")) g->memtemp = v;
      else if (!strcmp(key, "util")) g->util = v;
      else if (!strcmp(key, "memutil")) g->memutil = v;
      else if (!strcmp(key, "power")) g->power = v;
      else if (!strcmp(key, "mem_used")) g->mem_mib = v;
      else if (!strcmp(key, "throttle")) g->throttle = strtoull(n > 3 ? w[3] : "0", NULL, 0), g->throttle_set = 1;
      else if (!strcmp(key, "ecc_sbe")) g->sbe = v;
      else if (!strcmp(key, "ecc_dbe")) g->dbe = v;
      else if (!strcmp(key, "remap_unc")) g->remap_unc = v;
      else if (!strcmp(key, "remap_cor")) g->remap_cor = v;
      else if (!strcmp(key, "remap_pending")) g->remap_pending = v;
      else if (!strcmp(key, "remap_failure")) g->remap_failure = v;
      else if (!strcmp(key, "retired")) g->retired = v;
      else if (!strcmp(key, "recovery")) g->recovery = v;
      else if (!strcmp(key, "pstate")) g->pstate = v;
      else if (!strcmp(key, "mig")) g->mig = v;
      else if (!strcmp(key, "nvlink_down")) g->link_down |= 1u << ((int)v & 31);
      else if (!strcmp(key, "fail") && n > 4 && C.nfail < 64) { struct fail *f = &C.f[C.nfail++]; f->gpu = i; snprintf(f->fn, 64, "%s", w[3]); f->code = atoi(w[4]); }
    }
  }
}

static char *slurp(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC); if (fd < 0) return NULL;
  size_t cap = 65536, n = 0; char *b = malloc(cap);
  for (ssize_t r; (r = read(fd, b + n, cap - n - 1)) > 0;) { n += r; if (n + 1 >= cap) b = realloc(b, cap *= 2); }
  b[n] = 0; close(fd); return b;
}

static void check_control(void) {
  if (!ctl_path) return;
  u64 t = mono_ns(); if (ctl_checked_ns && t - ctl_checked_ns < check_ns) return;
  pthread_mutex_lock(&mu);
  ctl_checked_ns = t; struct stat st;
  if (stat(ctl_path, &st)) { if (ctl_size != -1) { fault_defaults(); ctl_size = -1; } }
  else if (st.st_size != ctl_size || st.st_ino != ctl_inode || memcmp(&st.st_mtim, &ctl_mtime, sizeof ctl_mtime)) {
    ctl_size = st.st_size; ctl_inode = st.st_ino; ctl_mtime = st.st_mtim; char *b = slurp(ctl_path); if (b) { parse_control(b); free(b); }
  }
  pthread_mutex_unlock(&mu);
}

static void add_proc(int gpu, u32 pid, u64 mib, u32 sm, char type) {
  procs = realloc(procs, (nprocs + 1) * sizeof *procs); procs[nprocs++] = (struct proc){gpu, pid, mib, sm, type};
}
static void parse_pids(char *text) {
  nprocs = 0; int plain = 0;
  for (char *save, *t = strtok_r(text, ", \n\t", &save); t; t = strtok_r(NULL, ", \n\t", &save)) {
    if (*t == '#') continue;
    if (!strchr(t, ':')) {
      u32 pid = !strcmp(t, "self") ? (u32)getpid() : (u32)atoi(t);
      if (pid) add_proc(ngpu ? plain % ngpu : 0, pid, 8000 + 977 * (plain % 60), 90 / (1 + plain / (ngpu ? ngpu : 1)), 'C'), plain++;
      continue;
    }
    int gpu = 0; u32 pid = 0, sm = 50; unsigned long mib = 1000; char ty = 'C';
    sscanf(t, "%d:%u:%lu:%u:%c", &gpu, &pid, &mib, &sm, &ty); add_proc(gpu, pid, mib, sm, ty);
  }
}
static void check_pids(void) {
  if (!pids_path) return;
  u64 t = mono_ns(); if (pids_checked_ns && t - pids_checked_ns < 100000000ull) return;
  pids_checked_ns = t; struct stat st;
  if (!stat(pids_path, &st) && memcmp(&st.st_mtim, &pids_mtime, sizeof pids_mtime)) {
    pids_mtime = st.st_mtim; char *b = slurp(pids_path); if (b) { parse_pids(b); free(b); }
  }
}

static void state_defaults(void) {
  for (int i = 0; i < MAXGPU; i++) S->g[i] = (struct gpustate){.power_limit_mw = K->power_default * 1000, .persistence = 1, .ecc_pending = 1, .app_g = K->sm_max, .app_m = K->mem_max};
  S->ngpu = ngpu; S->magic = 0xFA4E0001;
}

static void setup(void) {
  const char *e;
  ngpu = 8; lat_us = pcie_ms = 0; frozen = -1; ctl_path = pids_path = log_path = absent = nosup_env = nofields_env = NULL;
  ctl_size = -1; ctl_checked_ns = 0; nprocs = 0; dead = 0; memset(mig_n, 0, sizeof mig_n); memset(vgpu_n, 0, sizeof vgpu_n);
  K = kinds; e = getenv("FAKE_NVML_KIND");
  for (size_t i = 0; e && i < sizeof kinds / sizeof *kinds; i++) if (!strcmp(kinds[i].key, e)) K = &kinds[i];
  name_ = K->name; mem_mib = K->mem_mib; fans = K->fans;
  for (int i = 0; i < MAXGPU; i++) { devs[i] = (struct dev){i, -1}; for (int m = 0; m < MAXMIG; m++) migs[i][m] = (struct dev){i, m}; }
  if ((e = getenv("FAKE_NVML_GPUS"))) ngpu = atoi(e);
  if (ngpu < 0) ngpu = 0;
  if (ngpu > MAXGPU) ngpu = MAXGPU;
  if ((e = getenv("FAKE_NVML_NAME")) && *e) name_ = strdup(e);
  if ((e = getenv("FAKE_NVML_MEM_MIB"))) mem_mib = strtoull(e, NULL, 10);
  root = (e = getenv("FAKE_NVML_ROOT")) ? atoi(e) : geteuid() == 0;
  if ((e = getenv("FAKE_NVML_LATENCY_US"))) lat_us = atoi(e);
  if ((e = getenv("FAKE_NVML_PCIE_MS"))) pcie_ms = atoi(e);
  if ((e = getenv("FAKE_NVML_FAN"))) fans = atoi(e);
  if ((e = getenv("FAKE_NVML_TIME"))) frozen = atof(e);
  check_ns = (e = getenv("FAKE_NVML_CHECK_MS")) ? strtoull(e, NULL, 10) * 1000000ull : 50000000ull;
  if ((e = getenv("FAKE_NVML_CONTROL")) && *e) ctl_path = strdup(e);
  if ((e = getenv("FAKE_NVML_PIDS_FILE")) && *e) pids_path = strdup(e);
  if ((e = getenv("FAKE_NVML_LOG")) && *e) log_path = strdup(e);
  if ((e = getenv("FAKE_NVML_ABSENT")) && *e) absent = strdup(e);
  if ((e = getenv("FAKE_NVML_NOSUP")) && *e) nosup_env = strdup(e);
  if ((e = getenv("FAKE_NVML_NOFIELDS")) && *e) nofields_env = strdup(e);
  if ((e = getenv("FAKE_NVML_VGPU"))) { int g, n; if (sscanf(e, "%d:%d", &g, &n) == 2 && g >= 0 && g < MAXGPU) vgpu_n[g] = n; }
  if ((e = getenv("FAKE_NVML_PIDS"))) { char *b = strdup(e); parse_pids(b); free(b); }
  if ((e = getenv("FAKE_NVML_MIG"))) { char *b = strdup(e), *sv; for (char *t = strtok_r(b, ",", &sv); t; t = strtok_r(NULL, ",", &sv)) { int g, n = 2; if (sscanf(t, "%d:%d", &g, &n) >= 1 && g >= 0 && g < MAXGPU) mig_n[g] = n > MAXMIG ? MAXMIG : n; } free(b); }
  fault_defaults();
  if ((e = getenv("FAKE_NVML_CALLS")) && *e && !counters) {
    int fd = open(e, O_RDWR | O_CREAT | O_CLOEXEC, 0666); size_t sz = sizeof(struct counter) * MAXCOUNTERS;
    if (fd >= 0 && !ftruncate(fd, sz)) { counters = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); if (counters == MAP_FAILED) counters = NULL; else strcpy(counters[0].name, "TOTAL"); }
    if (fd >= 0) close(fd);
  }
  (void)ncounters;
  if (!S) {
    if ((e = getenv("FAKE_NVML_STATE")) && *e) {
      int fd = open(e, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
      if (fd >= 0 && !ftruncate(fd, sizeof *S)) { S = mmap(NULL, sizeof *S, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); if (S == MAP_FAILED) S = NULL; }
      if (fd >= 0) close(fd);
    }
    if (!S) S = mmap(NULL, sizeof *S, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (S->magic != 0xFA4E0001) state_defaults();
  } else if (!getenv("FAKE_NVML_STATE")) state_defaults();
}

static ret_t pre(const char *fn, int *slot, int gpu) {  // what every call goes through
  count_call(fn, slot);
  if (!inited) return UNINIT;
  if (listed(absent, fn) || listed(K->absent, fn)) return NOFUNC;
  check_control();
  if (C.nodriver) dead = 1;  // and so it stays until the next nvmlInit: its handles went with the driver
  if (dead) return C.nodriver ? NODRV : UNINIT;
  if (!C.stale) renewed = 0;
  if (gpu >= 0 && C.stale && !renewed) return INVAL;
  while (C.hang || (gpu >= 0 && C.g[gpu].hang)) { sleep_us(20000); ctl_checked_ns = 0; check_control(); }
  int us = lat_us + C.latency_us;
  for (int i = 0; i < C.nfail; i++) if ((C.f[i].gpu < 0 || C.f[i].gpu == gpu) && !strcmp(C.f[i].fn, fn)) {
    us += C.f[i].us; if (C.f[i].code) return C.f[i].code;
  }
  if (us) sleep_us(us);
  if (gpu >= 0 && C.g[gpu].lost) return LOST;
  if (listed(nosup_env, fn) || listed(K->nosup, fn)) return NOSUP;
  return OK;
}
#define PRE(gpu) do { static int slot_; ret_t r_ = pre(__func__, &slot_, gpu); if (r_) return r_; } while (0)
#define DEV() do { if (!d || d->gpu < 0 || d->gpu >= ngpu) return INVAL; PRE(d->gpu); } while (0)
#define WHOLE() do { if (d->mig >= 0) return NOSUP; } while (0)
#define ARG(x) do { if (!(x)) return INVAL; } while (0)
#define F(name, ...) EXPORT ret_t name(__VA_ARGS__)
#define SAME(other, orig) EXPORT __typeof__(orig) other __attribute__((alias(#orig)))

// ---- the model -------------------------------------------------------------------------------------
static double hash01(u64 x) { x ^= x >> 33; x *= 0xff51afd7ed558ccdull; x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53ull; x ^= x >> 33; return (x >> 11) * (1.0 / 9007199254740992.0); }
static double clampd(double v, double a, double b) { return v < a ? a : v > b ? b : v; }
static int idle_gpu(int g) { return ngpu >= 4 && g == ngpu - 1; }  // the last of several is idle
static double util(int g) {
  if (C.g[g].util >= 0) return C.g[g].util;
  if (idle_gpu(g)) return 0;
  double t = now(); u64 step = (u64)(t * 5);
  return clampd(72 + 24 * sin(t * 6.2831853 / (17 + 3 * g) + g) + 14 * (hash01(step * 131 + g) - 0.5), 0, 100);
}
static double memutil(int g) { return C.g[g].memutil >= 0 ? C.g[g].memutil : clampd(util(g) * 0.62, 0, 100); }
static u64 proc_mib(int g) { u64 s = 0; for (int i = 0; i < nprocs; i++) if (procs[i].gpu == g && procs[i].mib != ~0ull) s += procs[i].mib; return s; }
static u64 used_mib(int g) {
  if (C.g[g].mem_mib >= 0) return (u64)C.g[g].mem_mib;
  u64 p = proc_mib(g) + 4;
  if (!nprocs && !idle_gpu(g)) p = mem_mib * 0.55 + mem_mib * 0.3 * (0.5 + 0.5 * sin(now() / 40 + g));
  return p > mem_mib - 600 ? mem_mib - 600 : p;
}
static u32 power_mw(int g) {
  if (C.g[g].power >= 0) return C.g[g].power * 1000;
  double top = K->power_max ? K->power_max : 140, w = top * (0.1 + 0.009 * util(g)) + 0.01 * top * hash01((u64)(now() * 10) * 7 + g);
  double lim = K->power_max ? S->g[g].power_limit_mw / 1000.0 : top;
  return clampd(w, 0, lim) * 1000;
}
static int temp(int g) { return C.g[g].temp >= 0 ? C.g[g].temp : (int)(28 + util(g) * 0.36 + g % 4 + 2 * sin(now() / 31 + g)); }
static int memtemp(int g) { return C.g[g].memtemp >= 0 ? C.g[g].memtemp : temp(g) + 9; }
static u64 throttle(int g) {
  if (C.g[g].throttle_set >= 0) return C.g[g].throttle;
  if (util(g) < 1) return 1;
  if (K->power_max && power_mw(g) + 500 >= S->g[g].power_limit_mw) return 4;
  return temp(g) >= 87 ? 0x20 : 0;
}
static u32 clk(int g, int type) {
  struct gpustate *s = &S->g[g];
  if (type == 2) return s->lock_mmax ? s->lock_mmax : K->mem_max;
  if (util(g) < 1) { u32 c = 345; return s->lock_gmin > c ? s->lock_gmin : c; }
  u32 c = K->sm_max; u64 th = throttle(g); if (th & 0x4) c = c * 8 / 9; if (th & 0x68) c = K->sm_max * 3 / 5; if (th & 0x80) c = K->sm_max / 2;
  if (s->lock_gmax && c > s->lock_gmax) c = s->lock_gmax;
  if (s->lock_gmin && c < s->lock_gmin && !(th & 0xe8)) c = s->lock_gmin;
  return type == 3 ? c * 3 / 4 : c;
}
static u64 energy_mj(int g) { return (u64)(fmod(now(), 1e7) * 350000.0) + (u64)(3500000.0 * sin(now() / (17 + 3 * g))) + g * 1000ull; }
static u64 nvl_kib(int g, int tx) { double t = now(); return idle_gpu(g) ? 0 : (u64)(t * 41e6 * (tx ? 1 : 0.97) + g * 12345 + 2e7 * sin(t / 9 + g)); }
static u64 pcie_kib_total(int g, int tx) { double t = now(); return idle_gpu(g) ? 0 : (u64)(t * 1.7e6 * (tx ? 1 : 2.1) + 4e5 * sin(t / 3 + g)); }
static u32 pcie_rate(int g, int tx) { double t = now(); return idle_gpu(g) ? 0 : (u32)(1.7e6 * (tx ? 1 : 2.1) + 4e5 / 3 * cos(t / 3 + g)); }

// ---- init, system -------------------------------------------------------------------------------
F(nvmlInitWithFlags, u32 flags) {
  (void)flags; pthread_mutex_lock(&mu); if (!inited) setup(); pthread_mutex_unlock(&mu);
  ctl_checked_ns = 0; check_control(); static int slot; count_call("nvmlInitWithFlags", &slot);
  if (C.nodriver) return NODRV;
  if (C.mismatch) return MISMATCH;
  dead = 0; renewed = 1; inited++; return OK;
}
F(nvmlInit_v2, void) { return nvmlInitWithFlags(0); }
F(nvmlInit, void) { return nvmlInitWithFlags(0); }
F(nvmlShutdown, void) { if (!inited) return UNINIT; inited--; return OK; }
EXPORT const char *nvmlErrorString(ret_t r) {
  switch (r) {
    case 0: return "Success"; case 1: return "Uninitialized"; case 2: return "Invalid Argument"; case 3: return "Not Supported";
    case 4: return "Insufficient Permissions"; case 6: return "Not Found"; case 7: return "Insufficient Size"; case 9: return "Driver Not Loaded";
    case 10: return "Timeout"; case 12: return "NVML Shared Library Not Found"; case 13: return "Function Not Found"; case 15: return "GPU is lost";
    case 16: return "GPU requires reset"; case 18: return "Driver/library version mismatch"; case 25: return "Argument version mismatch"; default: return "Unknown Error";
  }
}
static ret_t put(char *b, u32 n, const char *s) { ARG(b); if (strlen(s) + 1 > n) return SMALL; strcpy(b, s); return OK; }
F(nvmlSystemGetDriverVersion, char *v, u32 n) { PRE(-1); return put(v, n, "580.95.05"); }
F(nvmlSystemGetNVMLVersion, char *v, u32 n) { PRE(-1); return put(v, n, "13.580.95.05"); }
F(nvmlSystemGetCudaDriverVersion, int *v) { PRE(-1); ARG(v); *v = 13000; return OK; }
SAME(nvmlSystemGetCudaDriverVersion_v2, nvmlSystemGetCudaDriverVersion);
F(nvmlSystemGetProcessName, u32 pid, char *b, u32 n) {
  PRE(-1); ARG(b); char p[64]; snprintf(p, 64, "/proc/%u/cmdline", pid); char *t = slurp(p); if (!t) return NOTFOUND; snprintf(b, n, "%s", t); free(t); return OK;
}
F(nvmlDeviceGetCount_v2, u32 *n) { PRE(-1); ARG(n); *n = ngpu; return OK; }
SAME(nvmlDeviceGetCount, nvmlDeviceGetCount_v2);
F(nvmlDeviceGetHandleByIndex_v2, u32 i, dev_t_ *d) { ARG(d); if (!inited) return UNINIT; if (i >= (u32)ngpu) return INVAL; PRE(i); *d = &devs[i]; return OK; }
SAME(nvmlDeviceGetHandleByIndex, nvmlDeviceGetHandleByIndex_v2);

static void uuid_of(dev_t_ d, char *b, size_t n) {
  if (d->mig < 0) snprintf(b, n, "GPU-fa4e0000-0000-4000-8000-%012d", d->gpu);
  else snprintf(b, n, "MIG-fa4e0000-0000-4000-8%03d-%012d", d->mig, d->gpu);
}
F(nvmlDeviceGetHandleByUUID, const char *u, dev_t_ *d) {
  PRE(-1); ARG(u && d);
  for (int i = 0; i < ngpu; i++) for (int m = -1; m < mig_n[i]; m++) { dev_t_ c = m < 0 ? &devs[i] : &migs[i][m]; char b[96]; uuid_of(c, b, 96); if (!strcmp(b, u)) { *d = c; return OK; } }
  return NOTFOUND;
}
F(nvmlDeviceGetHandleBySerial, const char *s, dev_t_ *d) { PRE(-1); ARG(s && d); long long k = atoll(s) - 1650000000000ll; if (k < 0 || k >= ngpu) return NOTFOUND; *d = &devs[k]; return OK; }
static u32 busnum(int g) { static const u32 b[8] = {0x18, 0x2A, 0x3A, 0x5D, 0x9A, 0xAB, 0xBA, 0xDB}; return g < 8 ? b[g] : (u32)(0x10 + g); }
struct pci { char legacy[16]; u32 domain, bus, device, devid, subid; char id[32]; };
F(nvmlDeviceGetPciInfo_v3, dev_t_ d, struct pci *p) {
  DEV(); WHOLE(); ARG(p); memset(p, 0, sizeof *p); p->bus = busnum(d->gpu); p->domain = d->gpu >= 8; p->devid = 0x233010DE; p->subid = 0x16C110DE;
  snprintf(p->legacy, 16, "%04X:%02X:00.0", p->domain & 0xffff, p->bus & 0xff); snprintf(p->id, 32, "%08X:%02X:00.0", p->domain, p->bus); return OK;
}
SAME(nvmlDeviceGetPciInfo_v2, nvmlDeviceGetPciInfo_v3);
SAME(nvmlDeviceGetPciInfo, nvmlDeviceGetPciInfo_v3);
F(nvmlDeviceGetHandleByPciBusId_v2, const char *id, dev_t_ *d) {
  PRE(-1); ARG(id && d); unsigned dom, bus; if (sscanf(id, "%x:%x:", &dom, &bus) != 2) return INVAL;
  for (int i = 0; i < ngpu; i++) if (busnum(i) == bus && (unsigned)(i >= 8) == dom) { if (C.g[i].lost) return LOST; *d = &devs[i]; return OK; }
  return NOTFOUND;
}
SAME(nvmlDeviceGetHandleByPciBusId, nvmlDeviceGetHandleByPciBusId_v2);

// ---- identity ---------------------------------------------------------------------------------------
static int mig_count(int g) { int n = C.g[g].mig >= 0 ? C.g[g].mig : mig_n[g]; return n > MAXMIG ? MAXMIG : n; }
static const char *mig_profile(int g) { int n = mig_count(g); return n <= 2 ? "3g.40gb" : n == 3 ? "2g.20gb" : "1g.10gb"; }
static int mig_slices(int g) { int n = mig_count(g); return n <= 2 ? 3 : n == 3 ? 2 : 1; }
F(nvmlDeviceGetName, dev_t_ d, char *b, u32 n) { DEV(); char s[128]; if (d->mig < 0) snprintf(s, 128, "%s", name_); else snprintf(s, 128, "%s MIG %s", name_, mig_profile(d->gpu)); return put(b, n, s); }
F(nvmlDeviceGetUUID, dev_t_ d, char *b, u32 n) { DEV(); char s[96]; uuid_of(d, s, 96); return put(b, n, s); }
F(nvmlDeviceGetSerial, dev_t_ d, char *b, u32 n) { DEV(); WHOLE(); char s[32]; snprintf(s, 32, "%lld", 1650000000000ll + d->gpu); return put(b, n, s); }
F(nvmlDeviceGetIndex, dev_t_ d, u32 *i) { DEV(); ARG(i); *i = d->mig < 0 ? d->gpu : d->mig; return OK; }
F(nvmlDeviceGetMinorNumber, dev_t_ d, u32 *i) { DEV(); WHOLE(); ARG(i); *i = d->gpu; return OK; }
F(nvmlDeviceGetBoardId, dev_t_ d, u32 *i) { DEV(); ARG(i); *i = busnum(d->gpu) << 8; return OK; }
F(nvmlDeviceGetBoardPartNumber, dev_t_ d, char *b, u32 n) { DEV(); return put(b, n, "692-2G520-0200-FAK"); }
F(nvmlDeviceGetVbiosVersion, dev_t_ d, char *b, u32 n) { DEV(); return put(b, n, "96.00.FA.4E.01"); }
F(nvmlDeviceGetBrand, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = 14; return OK; }
F(nvmlDeviceGetArchitecture, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = K->arch; return OK; }
F(nvmlDeviceGetNumGpuCores, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = K->cores; return OK; }
F(nvmlDeviceGetMemoryBusWidth, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = K->bus; return OK; }
F(nvmlDeviceGetCudaComputeCapability, dev_t_ d, int *a, int *b) { DEV(); ARG(a && b); *a = K->cc / 10; *b = K->cc % 10; return OK; }
F(nvmlDeviceGetIrqNum, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = 100 + d->gpu; return OK; }
F(nvmlDeviceGetNumaNodeId, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = d->gpu >= (ngpu + 1) / 2; return OK; }
F(nvmlDeviceGetModuleId, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = d->gpu; return OK; }
F(nvmlDeviceGetMultiGpuBoard, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = 0; return OK; }
F(nvmlDeviceGetCpuAffinity, dev_t_ d, u32 n, unsigned long *set) { DEV(); ARG(set && n); memset(set, 0, n * sizeof *set); set[0] = 1; return OK; }
F(nvmlDeviceGetTopologyCommonAncestor, dev_t_ d, dev_t_ e, u32 *v) { DEV(); ARG(e && v); int h = (ngpu + 1) / 2; *v = d == e ? 0 : (d->gpu >= h) == (e->gpu >= h) ? 40 : 50; return OK; }
F(nvmlDeviceGetP2PStatus, dev_t_ d, dev_t_ e, u32 what, u32 *v) { DEV(); (void)e; (void)what; ARG(v); *v = 0; return OK; }
F(nvmlDeviceGetDisplayMode, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 0; return OK; }
F(nvmlDeviceGetDisplayActive, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 0; return OK; }
F(nvmlDeviceGetInforomImageVersion, dev_t_ d, char *b, u32 n) { DEV(); return put(b, n, "G520.0200.00.FA"); }
F(nvmlDeviceGetGspFirmwareVersion, dev_t_ d, char *b) { DEV(); ARG(b); strcpy(b, "580.95.05"); return OK; }
F(nvmlDeviceGetVirtualizationMode, dev_t_ d, u32 *v) { DEV(); ARG(v); *v = 0; return OK; }
F(nvmlDeviceValidateInforom, dev_t_ d) { DEV(); return OK; }

// ---- readings ---------------------------------------------------------------------------------------
struct mem1 { u64 total, free, used; };
struct mem2 { u32 version; u64 total, reserved, free, used; };
static void mem_of(dev_t_ d, u64 *total, u64 *res, u64 *fr, u64 *used) {
  *total = mem_mib << 20; *res = 555ull << 20; *used = used_mib(d->gpu) << 20;
  if (d->mig >= 0) { *total = (mem_mib * mig_slices(d->gpu) / 8) << 20; *res = 16ull << 20; *used = *total / 3; }
  *fr = *total - *res - *used;
}
F(nvmlDeviceGetMemoryInfo, dev_t_ d, struct mem1 *m) { DEV(); ARG(m); u64 r; mem_of(d, &m->total, &r, &m->free, &m->used); m->used += r; return OK; }
F(nvmlDeviceGetMemoryInfo_v2, dev_t_ d, struct mem2 *m) {
  DEV(); ARG(m); if (m->version != 2 && m->version != (2u << 24 | sizeof *m)) return ARGVER; mem_of(d, &m->total, &m->reserved, &m->free, &m->used); return OK;
}
F(nvmlDeviceGetBAR1MemoryInfo, dev_t_ d, struct mem1 *m) { DEV(); ARG(m); m->total = 128ull << 30; m->used = 3ull << 20; m->free = m->total - m->used; return OK; }
struct ut { u32 gpu, mem; };
F(nvmlDeviceGetUtilizationRates, dev_t_ d, struct ut *u) { DEV(); ARG(u); if (d->mig >= 0 || mig_count(d->gpu)) return NOSUP; u->gpu = util(d->gpu); u->mem = memutil(d->gpu); return OK; }
F(nvmlDeviceGetEncoderUtilization, dev_t_ d, u32 *u, u32 *per) { DEV(); WHOLE(); ARG(u && per); *u = 0; *per = 167000; return OK; }
F(nvmlDeviceGetDecoderUtilization, dev_t_ d, u32 *u, u32 *per) { DEV(); WHOLE(); ARG(u && per); *u = d->gpu == 1 ? 12 : 0; *per = 167000; return OK; }
F(nvmlDeviceGetJpgUtilization, dev_t_ d, u32 *u, u32 *per) { DEV(); WHOLE(); ARG(u && per); *u = 0; *per = 167000; return OK; }
F(nvmlDeviceGetOfaUtilization, dev_t_ d, u32 *u, u32 *per) { DEV(); WHOLE(); ARG(u && per); *u = 0; *per = 167000; return OK; }
F(nvmlDeviceGetTemperature, dev_t_ d, u32 sensor, u32 *t) { DEV(); WHOLE(); ARG(t); if (sensor) return INVAL; *t = temp(d->gpu); return OK; }
struct tempv { u32 version, sensor; int t; };
F(nvmlDeviceGetTemperatureV, dev_t_ d, struct tempv *t) { DEV(); WHOLE(); ARG(t); if (t->version != (1u << 24 | sizeof *t)) return ARGVER; if (t->sensor) return INVAL; t->t = temp(d->gpu); return OK; }
F(nvmlDeviceGetTemperatureThreshold, dev_t_ d, u32 which, u32 *t) {
  DEV(); WHOLE(); ARG(t); switch (which) { case 0: *t = 92; return OK; case 1: *t = 89; return OK; case 2: *t = 95; return OK; case 3: *t = 87; return OK; default: return NOSUP; }
}
struct marg { u32 version; int m; };
F(nvmlDeviceGetMarginTemperature, dev_t_ d, struct marg *m) { DEV(); ARG(m); m->m = 87 - temp(d->gpu); return OK; }
F(nvmlDeviceGetPowerUsage, dev_t_ d, u32 *p) { DEV(); WHOLE(); ARG(p); *p = power_mw(d->gpu); return OK; }
F(nvmlDeviceGetPowerManagementMode, dev_t_ d, u32 *p) { DEV(); ARG(p); *p = 1; return OK; }
F(nvmlDeviceGetPowerManagementLimit, dev_t_ d, u32 *p) { DEV(); WHOLE(); ARG(p); *p = S->g[d->gpu].power_limit_mw; return OK; }
F(nvmlDeviceGetEnforcedPowerLimit, dev_t_ d, u32 *p) { DEV(); WHOLE(); ARG(p); *p = S->g[d->gpu].power_limit_mw; return OK; }
F(nvmlDeviceGetPowerManagementDefaultLimit, dev_t_ d, u32 *p) { DEV(); WHOLE(); ARG(p); *p = K->power_default * 1000; return OK; }
F(nvmlDeviceGetPowerManagementLimitConstraints, dev_t_ d, u32 *a, u32 *b) { DEV(); WHOLE(); ARG(a && b); *a = K->power_min * 1000; *b = K->power_max * 1000; return OK; }
F(nvmlDeviceGetTotalEnergyConsumption, dev_t_ d, u64 *e) { DEV(); WHOLE(); ARG(e); *e = energy_mj(d->gpu); return OK; }
F(nvmlDeviceGetPerformanceState, dev_t_ d, u32 *p) { DEV(); WHOLE(); ARG(p); *p = C.g[d->gpu].pstate >= 0 ? C.g[d->gpu].pstate : 0; return OK; }
SAME(nvmlDeviceGetPowerState, nvmlDeviceGetPerformanceState);
F(nvmlDeviceGetClockInfo, dev_t_ d, u32 type, u32 *c) { DEV(); WHOLE(); ARG(c); if (type > 3) return INVAL; *c = clk(d->gpu, type); return OK; }
F(nvmlDeviceGetMaxClockInfo, dev_t_ d, u32 type, u32 *c) { DEV(); WHOLE(); ARG(c); if (type > 3) return INVAL; *c = type == 2 ? K->mem_max : type == 3 ? K->sm_max * 3 / 4 : K->sm_max; return OK; }
F(nvmlDeviceGetClock, dev_t_ d, u32 type, u32 id, u32 *c) { DEV(); WHOLE(); ARG(c); if (type > 3) return INVAL; *c = id == 0 ? clk(d->gpu, type) : type == 2 ? K->mem_max : K->sm_max; return OK; }
F(nvmlDeviceGetApplicationsClock, dev_t_ d, u32 type, u32 *c) { DEV(); WHOLE(); ARG(c); *c = type == 2 ? S->g[d->gpu].app_m : S->g[d->gpu].app_g; return OK; }
F(nvmlDeviceGetDefaultApplicationsClock, dev_t_ d, u32 type, u32 *c) { DEV(); WHOLE(); ARG(c); *c = type == 2 ? K->mem_max : K->sm_max; return OK; }
F(nvmlDeviceGetMaxCustomerBoostClock, dev_t_ d, u32 type, u32 *c) { DEV(); WHOLE(); ARG(c); *c = type == 2 ? K->mem_max : K->sm_max; return OK; }
F(nvmlDeviceGetSupportedMemoryClocks, dev_t_ d, u32 *n, u32 *c) { DEV(); ARG(n); u32 have = *n; *n = 2; if (!c || have < 2) return SMALL; c[0] = 2619; c[1] = 1593; return OK; }
F(nvmlDeviceGetSupportedGraphicsClocks, dev_t_ d, u32 mem, u32 *n, u32 *c) {
  DEV(); ARG(n); if (mem != 2619 && mem != 1593) return NOTFOUND; u32 have = *n; *n = (1980 - 345) / 15 + 1; if (!c || have < *n) return SMALL; for (u32 i = 0; i < *n; i++) c[i] = 1980 - 15 * i; return OK;
}
F(nvmlDeviceGetCurrentClocksThrottleReasons, dev_t_ d, u64 *r) { DEV(); WHOLE(); ARG(r); *r = throttle(d->gpu); return OK; }
F(nvmlDeviceGetCurrentClocksEventReasons, dev_t_ d, u64 *r) { DEV(); WHOLE(); ARG(r); *r = throttle(d->gpu); return OK; }
F(nvmlDeviceGetSupportedClocksThrottleReasons, dev_t_ d, u64 *r) { DEV(); WHOLE(); ARG(r); *r = 0x1ff; return OK; }
F(nvmlDeviceGetSupportedClocksEventReasons, dev_t_ d, u64 *r) { DEV(); WHOLE(); ARG(r); *r = 0x1ff; return OK; }
struct viol { u64 ref, t; };
static u64 viol_ns(int g, u32 p) { return p == 0 ? (u64)(fmod(now(), 1e7) * 2e6) + g : 0; }
F(nvmlDeviceGetViolationStatus, dev_t_ d, u32 pol, struct viol *v) { DEV(); WHOLE(); ARG(v); v->ref = now_us(); v->t = viol_ns(d->gpu, pol); return OK; }
F(nvmlDeviceGetFanSpeed, dev_t_ d, u32 *s) { DEV(); ARG(s); if (!fans || d->mig >= 0) return NOSUP; *s = S->g[d->gpu].fan_manual ? S->g[d->gpu].fan_pct : (u32)clampd(30 + temp(d->gpu), 0, 100); return OK; }
F(nvmlDeviceGetFanSpeed_v2, dev_t_ d, u32 fan, u32 *s) { DEV(); ARG(s); if ((int)fan >= fans) return fans ? INVAL : NOSUP; *s = (u32)clampd(30 + temp(d->gpu), 0, 100); return OK; }
F(nvmlDeviceGetNumFans, dev_t_ d, u32 *n) { DEV(); ARG(n); *n = fans; return OK; }
struct rpm { u32 version, fan, speed; };
F(nvmlDeviceGetFanSpeedRPM, dev_t_ d, struct rpm *r) { DEV(); ARG(r); if ((int)r->fan >= fans) return fans ? INVAL : NOSUP; r->speed = 1500 + 100 * r->fan; return OK; }

F(nvmlDeviceGetMaxPcieLinkGeneration, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 5; return OK; }
F(nvmlDeviceGetGpuMaxPcieLinkGeneration, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 5; return OK; }
F(nvmlDeviceGetMaxPcieLinkWidth, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 16; return OK; }
F(nvmlDeviceGetCurrPcieLinkGeneration, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 5; return OK; }
F(nvmlDeviceGetCurrPcieLinkWidth, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 16; return OK; }
F(nvmlDeviceGetPcieLinkMaxSpeed, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 32000; return OK; }
F(nvmlDeviceGetPcieSpeed, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 32000; return OK; }
F(nvmlDeviceGetPcieReplayCounter, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = 0; return OK; }
F(nvmlDeviceGetPcieThroughput, dev_t_ d, u32 what, u32 *v) { DEV(); WHOLE(); ARG(v); if (what > 1) return INVAL; if (pcie_ms) sleep_us(pcie_ms * 1000); *v = pcie_rate(d->gpu, what == 0); return OK; }

F(nvmlDeviceGetPersistenceMode, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = S->g[d->gpu].persistence; return OK; }
F(nvmlDeviceGetComputeMode, dev_t_ d, u32 *v) { DEV(); WHOLE(); ARG(v); *v = S->g[d->gpu].compute_mode; return OK; }
F(nvmlDeviceGetEccMode, dev_t_ d, u32 *c, u32 *p) { DEV(); WHOLE(); ARG(c && p); *c = 1; *p = S->g[d->gpu].ecc_pending; return OK; }
F(nvmlDeviceGetDefaultEccMode, dev_t_ d, u32 *c) { DEV(); ARG(c); *c = 1; return OK; }
F(nvmlDeviceGetAccountingMode, dev_t_ d, u32 *c) { DEV(); ARG(c); *c = S->g[d->gpu].accounting; return OK; }
static u64 ecc(int g, u32 type) { double v = type == 0 ? C.g[g].sbe : C.g[g].dbe; return v < 0 ? 0 : (u64)v; }
F(nvmlDeviceGetTotalEccErrors, dev_t_ d, u32 type, u32 counter, u64 *v) { DEV(); WHOLE(); (void)counter; ARG(v); if (type > 1) return INVAL; *v = ecc(d->gpu, type); return OK; }
F(nvmlDeviceGetMemoryErrorCounter, dev_t_ d, u32 type, u32 counter, u32 loc, u64 *v) { DEV(); WHOLE(); (void)counter; ARG(v); if (loc != 2 && loc != 7) return NOSUP; *v = loc == 2 ? ecc(d->gpu, type) : 0; return OK; }
F(nvmlDeviceGetRemappedRows, dev_t_ d, u32 *c, u32 *u, u32 *p, u32 *f) {
  DEV(); WHOLE(); ARG(c && u && p && f); struct gpufault *g = &C.g[d->gpu]; *c = g->remap_cor < 0 ? 0 : g->remap_cor; *u = g->remap_unc < 0 ? 0 : g->remap_unc; *p = g->remap_pending; *f = g->remap_failure; return OK;
}
struct hist { u32 max, high, partial, low, none; };
F(nvmlDeviceGetRowRemapperHistogram, dev_t_ d, struct hist *h) { DEV(); WHOLE(); ARG(h); *h = (struct hist){.max = 2560}; return OK; }
F(nvmlDeviceGetRetiredPages, dev_t_ d, u32 cause, u32 *n, u64 *a) { DEV(); (void)cause; (void)n; (void)a; return NOSUP; }

// ---- NVLink -----------------------------------------------------------------------------------------
static int link_up(int g, u32 l) { return !(C.g[g].link_down >> l & 1); }
F(nvmlDeviceGetNvLinkState, dev_t_ d, u32 l, u32 *a) { DEV(); WHOLE(); ARG(a); if (l >= K->links) return INVAL; *a = link_up(d->gpu, l); return OK; }
F(nvmlDeviceGetNvLinkVersion, dev_t_ d, u32 l, u32 *v) { DEV(); WHOLE(); ARG(v); if (l >= K->links) return INVAL; *v = 4; return OK; }
F(nvmlDeviceGetNvLinkCapability, dev_t_ d, u32 l, u32 cap, u32 *v) { DEV(); WHOLE(); ARG(v); (void)cap; if (l >= K->links) return INVAL; *v = 1; return OK; }
F(nvmlDeviceGetNvLinkRemoteDeviceType, dev_t_ d, u32 l, u32 *v) { DEV(); WHOLE(); ARG(v); if (l >= K->links) return INVAL; *v = 2; return OK; }
F(nvmlDeviceGetNvLinkRemotePciInfo_v2, dev_t_ d, u32 l, struct pci *p) { DEV(); WHOLE(); ARG(p); if (l >= K->links) return INVAL; memset(p, 0, sizeof *p); p->bus = 0x80 + l / 5; snprintf(p->id, 32, "00000000:%02X:00.0", p->bus); return OK; }
F(nvmlDeviceGetNvLinkErrorCounter, dev_t_ d, u32 l, u32 c, u64 *v) { DEV(); WHOLE(); (void)c; ARG(v); if (l >= K->links) return INVAL; *v = link_up(d->gpu, l) ? 0 : 7; return OK; }

// ---- field values -----------------------------------------------------------------------------------
union val { double d; u32 ui; unsigned long ul; u64 ull; long long sll; int si; };
struct field { u32 id, scope; int64_t ts, lat; u32 type, ret; union val v; };
enum { VD = 0, VUI = 1, VUL = 2, VULL = 3, VSI = 5 };
static void field(dev_t_ d, struct field *f) {
  int g = d->gpu; u32 n; f->ts = now_us(); f->lat = 0; f->ret = OK; f->type = VULL; f->v.ull = 0; struct gpufault *c = &C.g[g];
  switch (f->id) {
    case 1: f->type = VUI; f->v.ui = 1; break;
    case 2: f->type = VUI; f->v.ui = S->g[g].ecc_pending; break;
    case 3: case 5: f->v.ull = ecc(g, 0); break;
    case 4: case 6: f->v.ull = ecc(g, 1); break;
    case 38: case 45: case 52: case 59: case 161: case 162: case 163: { u32 k = 0; if (!K->links) f->ret = NOSUP; for (int l = 0; l < (int)K->links; l++) if (!link_up(g, l)) k += 7; f->v.ull = k; break; }
    case 74: case 75: case 76: case 77: case 78: case 79: case 80: case 81: f->v.ull = viol_ns(g, f->id - 74); break;
    case 269: f->v.ull = throttle(g) & 0x20 ? (u64)(fmod(now(), 1e6) * 1e9) : 0; break;
    case 270: f->v.ull = throttle(g) & 0x40 ? (u64)(fmod(now(), 1e6) * 1e9) : 0; break;
    case 271: f->v.ull = throttle(g) & 0x80 ? (u64)(fmod(now(), 1e6) * 1e9) : 0; break;
    case 82: f->type = VUI; f->v.ui = memtemp(g); break;
    case 83: case 191: f->v.ull = energy_mj(g); break;
    case 84: case 85: case 86: case 87: case 88: case 89: case 90: case 164: f->type = VUI; f->v.ui = 26562; break;
    case 91: f->type = VUI; f->v.ui = K->links; if (!K->links) f->ret = NOSUP; break;
    case 94: case 95: f->v.ull = 0; break;
    case 138: case 140: if (!K->links) { f->ret = NOSUP; break; } if (f->scope != 0xffffffff && f->scope >= K->links) { f->ret = INVAL; break; } n = f->scope == 0xffffffff ? 1 : (int)K->links; f->v.ull = nvl_kib(g, 1) / n; break;
    case 139: case 141: if (!K->links) { f->ret = NOSUP; break; } if (f->scope != 0xffffffff && f->scope >= K->links) { f->ret = INVAL; break; } n = f->scope == 0xffffffff ? 1 : (int)K->links; f->v.ull = nvl_kib(g, 0) / n; break;
    case 142: f->type = VUI; f->v.ui = c->remap_cor < 0 ? 0 : c->remap_cor; break;
    case 143: f->type = VUI; f->v.ui = c->remap_unc < 0 ? 0 : c->remap_unc; break;
    case 144: f->type = VUI; f->v.ui = c->remap_pending; break;
    case 145: f->type = VUI; f->v.ui = c->remap_failure; break;
    case 147: f->type = VUI; f->v.ui = K->links; if (!K->links) f->ret = NOSUP; break;
    case 165: f->type = VUI; if (f->scope >= K->links) f->ret = INVAL; else f->v.ui = link_up(g, f->scope); break;
    case 166: f->type = VUI; f->v.ui = 4; break;
    case 170: f->type = VUI; f->v.ui = 0; break;
    case 7: case 8: case 9: case 10: case 11: case 12: case 18: case 19: case 20: case 21: case 22: case 23:
      f->v.ull = f->id % 11 == 0 ? ecc(g, 0) : f->id == 12 || f->id == 23 ? ecc(g, 1) : 0; break;
    case 29: case 30: case 31: f->type = VUI; f->v.ui = c->retired > 0 ? (f->id == 31 ? 1 : c->retired) : 0; break;
    case 185: case 186: f->type = VUI; if (f->scope) f->ret = NOSUP; f->v.ui = power_mw(g); break;
    case 187: f->type = VUI; f->v.ui = K->power_min * 1000; break;
    case 188: f->type = VUI; f->v.ui = K->power_max * 1000; break;
    case 189: f->type = VUI; f->v.ui = K->power_default * 1000; break;
    case 190: case 192: f->type = VUI; if (f->scope) f->ret = NOSUP; f->v.ui = S->g[g].power_limit_mw; break;
    case 193: f->type = VSI; f->v.ui = -8; break;
    case 194: f->type = VUI; f->v.ui = -2; break;  // typed unsigned on purpose
    case 195: f->type = VSI; f->v.ui = 0; break;
    case 196: f->type = VUI; f->v.ui = 0; break;
    case 197: f->v.ull = pcie_kib_total(g, 1) << 10; break;
    case 198: f->v.ull = pcie_kib_total(g, 0) << 10; break;
    case 297: f->type = VUI; f->v.ui = util(g) / 10; break;
    case 230: f->type = VUI; f->v.ui = c->recovery; break;
    default: f->ret = NOSUP;
  }
  char id[16]; snprintf(id, sizeof id, "%u", f->id);
  if (d->mig >= 0 || listed(K->nofields, id) || listed(nofields_env, id)) f->ret = NOSUP;
}
F(nvmlDeviceGetFieldValues, dev_t_ d, int n, struct field *f) { DEV(); ARG(f && n > 0); for (int i = 0; i < n; i++) field(d, &f[i]); return OK; }
F(nvmlDeviceClearFieldValues, dev_t_ d, int n, struct field *f) { DEV(); ARG(f && n > 0); for (int i = 0; i < n; i++) f[i].ret = NOSUP; return OK; }

struct sram { u32 version; u64 agg_parity, agg_secded, agg_cor, vol_parity, vol_secded, vol_cor, bucket[5]; u32 exceeded; };
F(nvmlDeviceGetSramEccErrorStatus, dev_t_ d, struct sram *s) { DEV(); WHOLE(); ARG(s); if (s->version != (1u << 24 | sizeof *s)) return ARGVER; memset(&s->agg_parity, 0, sizeof *s - 8); return OK; }
struct fabric { u32 version; unsigned char uuid[16]; ret_t status; u32 clique, state, mask; unsigned char health; };
F(nvmlDeviceGetGpuFabricInfoV, dev_t_ d, struct fabric *f) { DEV(); WHOLE(); ARG(f); f->status = OK; f->state = 3; f->mask = 0; if (f->version >> 24 >= 3) f->health = 1; return OK; }
struct profiles { u32 version, have[8], asked[8], enforced[8]; };
F(nvmlDeviceWorkloadPowerProfileGetCurrentProfiles, dev_t_ d, struct profiles *p) { DEV(); WHOLE(); ARG(p); memset(p->have, 0, 96); p->have[0] = 0xff; p->asked[0] = 0x40; p->enforced[0] = 0x40; return OK; }
F(nvmlDeviceGetEncoderStats, dev_t_ d, u32 *n, u32 *fps, u32 *latency) { DEV(); WHOLE(); ARG(n && fps && latency); *n = 0; *fps = 0; *latency = 0; return OK; }

// ---- samples: 20 of them, one every 167 ms ------------------------------------------------------
struct sample { u64 ts; union val v; };
F(nvmlDeviceGetSamples, dev_t_ d, u32 type, u64 last, u32 *vt, u32 *n, struct sample *s) {
  DEV(); WHOLE(); ARG(vt && n); if (type > 6) return NOSUP; *vt = VUI; u64 t = now_us(); u32 have = *n, k = 0;
  for (int i = 119; i >= 0; i--) { u64 ts = t - t % 167000 - i * 167000ull; if (ts <= last) continue; if (s) { if (k >= have) break; s[k].ts = ts; s[k].v.ull = 0; s[k].v.ui = type == 0 ? power_mw(d->gpu) : type == 1 ? util(d->gpu) : type == 2 ? memutil(d->gpu) : type == 5 ? clk(d->gpu, 1) : type == 6 ? clk(d->gpu, 2) : 0; } k++; }
  *n = k; return k ? OK : NOTFOUND;
}

// ---- processes --------------------------------------------------------------------------------------
struct pi1 { u32 pid; u64 used; };
struct pi2 { u32 pid; u64 used; u32 gi, ci; };
static ret_t plist(dev_t_ d, u32 *n, void *out, int v, char type) {
  ARG(n); pthread_mutex_lock(&mu); check_pids(); u32 have = *n, k = 0; ret_t r = OK; int m = 0;
  for (int i = 0; i < nprocs && !C.noproc; i++) {
    if (procs[i].gpu != d->gpu || procs[i].type != type) continue;
    int nm = mig_count(d->gpu), mine = nm ? m++ % nm : -1; if (d->mig >= 0 && mine != d->mig) continue;
    u64 bytes = procs[i].mib == ~0ull ? ~0ull : procs[i].mib << 20;
    if (out && k < have) {
      if (v == 1) ((struct pi1 *)out)[k] = (struct pi1){procs[i].pid, bytes};
      else ((struct pi2 *)out)[k] = (struct pi2){procs[i].pid, bytes, nm ? (u32)mine + 1 : ~0u, nm ? 0 : ~0u};
    }
    k++;
  }
  if (k && (!out || k > have)) r = SMALL;
  *n = k; pthread_mutex_unlock(&mu); return r;
}
#define PL(kind, type) \
  F(nvmlDeviceGet##kind##RunningProcesses, dev_t_ d, u32 *n, void *o) { DEV(); return plist(d, n, o, 1, type); } \
  F(nvmlDeviceGet##kind##RunningProcesses_v2, dev_t_ d, u32 *n, void *o) { DEV(); return plist(d, n, o, 2, type); } \
  F(nvmlDeviceGet##kind##RunningProcesses_v3, dev_t_ d, u32 *n, void *o) { DEV(); return plist(d, n, o, 3, type); }
PL(Compute, 'C') PL(Graphics, 'G') PL(MPSCompute, 'M')
struct pd { u32 pid; u64 used; u32 gi, ci; u64 cc; };
struct pdl { u32 version, mode, n; struct pd *a; };
F(nvmlDeviceGetRunningProcessDetailList, dev_t_ d, struct pdl *l) {
  DEV(); ARG(l); if (l->version != (1u << 24 | sizeof *l)) return ARGVER; char ty = l->mode == 0 ? 'C' : l->mode == 1 ? 'G' : 'M'; struct pi2 t[256]; u32 n = 256; plist(d, &n, t, 3, ty);
  u32 have = l->a ? l->n : 0; l->n = n; if (!n) return OK; if (have < n) return SMALL; for (u32 i = 0; i < n; i++) l->a[i] = (struct pd){t[i].pid, t[i].used, t[i].gi, t[i].ci, 0}; return OK;
}
struct pus { u32 pid; u64 ts; u32 sm, mem, enc, dec; };
static u32 psm(struct proc *p) { double k = util(p->gpu) / 100.0; return (u32)clampd(p->sm * k + 6 * (hash01((u64)(now() * 2) * 31 + p->pid) - 0.5), 0, 100); }
F(nvmlDeviceGetProcessUtilization, dev_t_ d, struct pus *o, u32 *n, u64 last) {
  DEV(); WHOLE(); ARG(n); if (mig_count(d->gpu)) return NOSUP; pthread_mutex_lock(&mu); check_pids(); u32 have = *n, k = 0; u64 ts = now_us(); ts -= ts % 167000; ret_t r = OK;
  if (ts > last && !C.noproc) for (int i = 0; i < nprocs; i++) if (procs[i].gpu == d->gpu) { if (o && k < have) { u32 s = psm(&procs[i]); o[k] = (struct pus){procs[i].pid, ts, s, s * 6 / 10, 0, 0}; } k++; }
  if (!k) r = NOTFOUND; else if (!o || k > have) r = SMALL;
  *n = k; pthread_mutex_unlock(&mu); return r;
}
struct pui { u64 ts; u32 pid, sm, mem, enc, dec, jpg, ofa; };
struct puil { u32 version, n; u64 last; struct pui *a; };
F(nvmlDeviceGetProcessesUtilizationInfo, dev_t_ d, struct puil *l) {
  DEV(); WHOLE(); ARG(l); if (l->version != (1u << 24 | sizeof *l)) return ARGVER; struct pus t[256]; u32 n = 256; ret_t r = nvmlDeviceGetProcessUtilization(d, t, &n, l->last);
  if (r != OK) { l->n = 0; return r; }
  u32 have = l->a ? l->n : 0; l->n = n; if (have < n) return SMALL; for (u32 i = 0; i < n; i++) l->a[i] = (struct pui){t[i].ts, t[i].pid, t[i].sm, t[i].mem, 0, 0, 0, 0}; return OK;
}

// ---- MIG --------------------------------------------------------------------------------------------
F(nvmlDeviceGetMigMode, dev_t_ d, u32 *c, u32 *p) { DEV(); WHOLE(); ARG(c && p); *c = mig_count(d->gpu) > 0; *p = *c || S->g[d->gpu].mig_pending; return OK; }
F(nvmlDeviceGetMaxMigDeviceCount, dev_t_ d, u32 *n) { DEV(); ARG(n); *n = d->mig < 0 ? MAXMIG : 0; return OK; }
F(nvmlDeviceGetMigDeviceHandleByIndex, dev_t_ d, u32 i, dev_t_ *o) { DEV(); WHOLE(); ARG(o); if (i >= MAXMIG) return INVAL; if ((int)i >= mig_count(d->gpu)) return NOTFOUND; *o = &migs[d->gpu][i]; return OK; }
F(nvmlDeviceIsMigDeviceHandle, dev_t_ d, u32 *y) { DEV(); ARG(y); *y = d->mig >= 0; return OK; }
F(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, dev_t_ d, dev_t_ *o) { DEV(); ARG(o); if (d->mig < 0) return INVAL; *o = &devs[d->gpu]; return OK; }
F(nvmlDeviceGetGpuInstanceId, dev_t_ d, u32 *i) { DEV(); ARG(i); if (d->mig < 0) return NOSUP; *i = d->mig + 1; return OK; }
F(nvmlDeviceGetComputeInstanceId, dev_t_ d, u32 *i) { DEV(); ARG(i); if (d->mig < 0) return NOSUP; *i = 0; return OK; }
struct attrs { u32 sm, ce, dec, enc, jpg, ofa, gi, ci; u64 mib; };
F(nvmlDeviceGetAttributes_v2, dev_t_ d, struct attrs *a) { DEV(); ARG(a); if (d->mig < 0) return NOSUP; int s = mig_slices(d->gpu); *a = (struct attrs){16u * s, s, s, 0, s, 0, s, s, mem_mib * s / 8}; return OK; }

// ---- vGPUs: instance numbers count from 1000 * (GPU + 1) ------------------------------------------------
F(nvmlDeviceGetActiveVgpus, dev_t_ d, u32 *n, u32 *o) {
  DEV(); WHOLE(); ARG(n); int k = vgpu_n[d->gpu]; if (!k) return NOSUP; u32 have = *n; *n = k; if (!o || have < (u32)k) return SMALL; for (int i = 0; i < k; i++) o[i] = 1000 * (d->gpu + 1) + i; return OK;
}
F(nvmlVgpuInstanceGetUUID, u32 v, char *b, u32 n) { PRE(-1); char s[96]; snprintf(s, 96, "VGPU-fa4e0000-0000-4000-8000-%012u", v); return put(b, n, s); }
F(nvmlVgpuInstanceGetVmID, u32 v, char *b, u32 n, u32 *type) { PRE(-1); char s[96]; snprintf(s, 96, "vm-%u", v); *type = 0; return put(b, n, s); }
F(nvmlVgpuInstanceGetVmDriverVersion, u32 v, char *b, u32 n) { PRE(-1); (void)v; return put(b, n, "580.95.05"); }
F(nvmlVgpuInstanceGetLicenseStatus, u32 v, u32 *o) { PRE(-1); (void)v; ARG(o); *o = 1; return OK; }
F(nvmlVgpuInstanceGetType, u32 v, u32 *o) { PRE(-1); (void)v; ARG(o); *o = 477; return OK; }
F(nvmlVgpuTypeGetName, u32 t, char *b, u32 *n) { PRE(-1); (void)t; return put(b, *n, "NVIDIA A100-10C"); }
F(nvmlVgpuTypeGetFramebufferSize, u32 t, u64 *o) { PRE(-1); (void)t; ARG(o); *o = 10ull << 30; return OK; }
F(nvmlVgpuInstanceGetFbUsage, u32 v, u64 *o) { PRE(-1); (void)v; ARG(o); *o = 6ull << 30; return OK; }
struct vuse { u32 instance; u64 ts; union val sm, mem, enc, dec; };
F(nvmlDeviceGetVgpuUtilization, dev_t_ d, u64 last, u32 *type, u32 *n, struct vuse *o) {
  DEV(); WHOLE(); ARG(type && n); int k = vgpu_n[d->gpu]; u64 ts = now_us(); ts -= ts % 167000; u32 have = *n; *type = VUI; if (!k || ts <= last) { *n = 0; return k ? NOTFOUND : NOSUP; }
  *n = k; if (!o || have < (u32)k) return SMALL; for (int i = 0; i < k; i++) { o[i] = (struct vuse){.instance = 1000 * (d->gpu + 1) + i, .ts = ts}; o[i].sm.ui = 40; o[i].mem.ui = 20; } return OK;
}

// ---- setters ----------------------------------------------------------------------------------------
static ret_t logged(ret_t r, const char *fmt, ...) {
  if (log_path) {
    int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) { char b[300]; va_list a; va_start(a, fmt); int n = vsnprintf(b, 250, fmt, a); va_end(a); n += snprintf(b + n, 50, " -> %d\n", r); if (write(fd, b, n) < 0) {} close(fd); }
  }
  return r;
}
#define SETTER() DEV(); if (d->mig >= 0) return NOSUP; struct gpustate *s = &S->g[d->gpu]
F(nvmlDeviceSetPowerManagementLimit, dev_t_ d, u32 mw) { SETTER(); ret_t r = !root ? NOPERM : mw < K->power_min * 1000 || mw > K->power_max * 1000 ? INVAL : OK; if (!r) s->power_limit_mw = mw; return logged(r, "gpu %d power_limit_mw %u", d->gpu, mw); }
struct pv2 { u32 version, scope, mw; };
F(nvmlDeviceSetPowerManagementLimit_v2, dev_t_ d, struct pv2 *p) { DEV(); ARG(p); if (p->scope) return NOSUP; return nvmlDeviceSetPowerManagementLimit(d, p->mw); }
F(nvmlDeviceSetPersistenceMode, dev_t_ d, u32 m) { SETTER(); ret_t r = !root ? NOPERM : m > 1 ? INVAL : OK; if (!r) s->persistence = m; return logged(r, "gpu %d persistence %u", d->gpu, m); }
F(nvmlDeviceSetComputeMode, dev_t_ d, u32 m) { SETTER(); ret_t r = !root ? NOPERM : m > 3 || m == 1 ? (m == 1 ? NOSUP : INVAL) : OK; if (!r) s->compute_mode = m; return logged(r, "gpu %d compute_mode %u", d->gpu, m); }
F(nvmlDeviceSetGpuLockedClocks, dev_t_ d, u32 a, u32 b) { SETTER(); ret_t r = !root ? NOPERM : a > b || b < 210 || a > 1980 ? INVAL : OK; if (!r) { s->lock_gmin = a; s->lock_gmax = b > 1980 ? 1980 : b; } return logged(r, "gpu %d gpu_locked_clocks %u %u", d->gpu, a, b); }
F(nvmlDeviceResetGpuLockedClocks, dev_t_ d) { SETTER(); ret_t r = root ? OK : NOPERM; if (!r) s->lock_gmin = s->lock_gmax = 0; return logged(r, "gpu %d gpu_locked_clocks reset", d->gpu); }
F(nvmlDeviceSetMemoryLockedClocks, dev_t_ d, u32 a, u32 b) { SETTER(); ret_t r = !root ? NOPERM : a > b || (b != 2619 && b != 1593) ? INVAL : OK; if (!r) { s->lock_mmin = a; s->lock_mmax = b; } return logged(r, "gpu %d mem_locked_clocks %u %u", d->gpu, a, b); }
F(nvmlDeviceResetMemoryLockedClocks, dev_t_ d) { SETTER(); ret_t r = root ? OK : NOPERM; if (!r) s->lock_mmin = s->lock_mmax = 0; return logged(r, "gpu %d mem_locked_clocks reset", d->gpu); }
F(nvmlDeviceSetApplicationsClocks, dev_t_ d, u32 m, u32 g) { SETTER(); ret_t r = !root ? NOPERM : (m != 2619 && m != 1593) || g > 1980 || g < 345 ? INVAL : OK; if (!r) { s->app_m = m; s->app_g = g; } return logged(r, "gpu %d app_clocks %u %u", d->gpu, m, g); }
F(nvmlDeviceResetApplicationsClocks, dev_t_ d) { SETTER(); ret_t r = root ? OK : NOPERM; if (!r) { s->app_m = 2619; s->app_g = 1980; } return logged(r, "gpu %d app_clocks reset", d->gpu); }
F(nvmlDeviceSetEccMode, dev_t_ d, u32 m) { SETTER(); ret_t r = !root ? NOPERM : m > 1 ? INVAL : OK; if (!r) s->ecc_pending = m; return logged(r, "gpu %d ecc_pending %u", d->gpu, m); }
F(nvmlDeviceSetMigMode, dev_t_ d, u32 m, ret_t *act) { SETTER(); ret_t r = !root ? NOPERM : m > 1 ? INVAL : OK; if (!r) { s->mig_pending = m; if (act) *act = RESETREQ; } return logged(r, "gpu %d mig_pending %u", d->gpu, m); }
F(nvmlDeviceSetAccountingMode, dev_t_ d, u32 m) { SETTER(); ret_t r = !root ? NOPERM : m > 1 ? INVAL : OK; if (!r) s->accounting = m; return logged(r, "gpu %d accounting %u", d->gpu, m); }
F(nvmlDeviceSetFanSpeed_v2, dev_t_ d, u32 fan, u32 pct) { SETTER(); ret_t r = !fans ? NOSUP : !root ? NOPERM : (int)fan >= fans || pct > 100 || pct < 30 ? INVAL : OK; if (!r) { s->fan_manual = 1; s->fan_pct = pct; } return logged(r, "gpu %d fan %u %u", d->gpu, fan, pct); }
F(nvmlDeviceSetDefaultFanSpeed_v2, dev_t_ d, u32 fan) { SETTER(); (void)fan; ret_t r = !fans ? NOSUP : !root ? NOPERM : OK; if (!r) s->fan_manual = 0; return logged(r, "gpu %d fan default", d->gpu); }
F(nvmlDeviceClearEccErrorCounts, dev_t_ d, u32 type) { SETTER(); (void)s; (void)type; return logged(root ? OK : NOPERM, "gpu %d clear_ecc", d->gpu); }

// ---- events -----------------------------------------------------------------------------------------
struct evset { u64 mask[MAXGPU]; int seen[MAXGPU]; };
struct evdata { dev_t_ device; u64 type, data; u32 gi, ci; };
F(nvmlEventSetCreate, struct evset **s) { PRE(-1); ARG(s); *s = calloc(1, sizeof **s); for (int i = 0; i < MAXGPU; i++) (*s)->seen[i] = C.g[i].nxid; return OK; }
F(nvmlEventSetFree, struct evset *s) { free(s); return OK; }
F(nvmlDeviceGetSupportedEventTypes, dev_t_ d, u64 *t) { DEV(); ARG(t); *t = 0x1f; return OK; }
F(nvmlDeviceRegisterEvents, dev_t_ d, u64 mask, struct evset *s) { DEV(); ARG(s); if (mask & ~0xffffull) return INVAL; s->mask[d->gpu] |= mask; return OK; }
F(nvmlEventSetWait_v2, struct evset *s, struct evdata *e, u32 ms) {
  ARG(s && e); PRE(-1);
  for (u64 end = mono_ns() + ms * 1000000ull;;) {
    ctl_checked_ns = 0; check_control();
    for (int i = 0; i < ngpu; i++) {
      if (C.g[i].nxid < s->seen[i]) s->seen[i] = C.g[i].nxid;
      if ((s->mask[i] & 8) && C.g[i].nxid > s->seen[i]) { *e = (struct evdata){&devs[i], 8, C.g[i].xid[s->seen[i]++], ~0u, ~0u}; return OK; }
    }
    u64 t = mono_ns(); if (t >= end) return TIMEOUT; sleep_us(end - t < 20000000ull ? (long)((end - t) / 1000) + 1 : 20000);
  }
}
SAME(nvmlEventSetWait, nvmlEventSetWait_v2);

// ---- GPM (profiling metrics) ------------------------------------------------------------------------
struct gpm_s { int gpu; double t; };
struct gpm_support { u32 version, yes; };
struct gpm_metric { u32 id; ret_t ret; double v; const char *s, *l, *u; };
struct gpm_get { u32 version, n; struct gpm_s *a, *b; struct gpm_metric m[]; };
F(nvmlGpmQueryDeviceSupport, dev_t_ d, struct gpm_support *s) { DEV(); ARG(s); s->yes = K->gpm; return OK; }
F(nvmlGpmSampleAlloc, struct gpm_s **s) { ARG(s); *s = calloc(1, sizeof **s); return OK; }
F(nvmlGpmSampleFree, struct gpm_s *s) { free(s); return OK; }
F(nvmlGpmMigSampleGet, dev_t_ d, u32 gi, struct gpm_s *s) { DEV(); ARG(s); if (!mig_count(d->gpu) || !gi) return INVAL; s->gpu = d->gpu; s->t = now(); return OK; }
F(nvmlGpmSampleGet, dev_t_ d, struct gpm_s *s) { DEV(); ARG(s); s->gpu = d->gpu; s->t = now(); return OK; }
F(nvmlGpmMetricsGet, struct gpm_get *q) {
  PRE(-1); ARG(q && q->a && q->b); int g = q->a->gpu; double u = util(g);
  for (u32 i = 0; i < q->n; i++) {
    struct gpm_metric *m = &q->m[i]; m->ret = OK; m->s = "FAKE"; m->l = "fake metric"; m->u = "%";
    switch (m->id) {
      case 1: m->v = u; break; case 2: m->v = u * 0.93; break; case 3: m->v = u * 0.4; break; case 5: m->v = u * 0.51; break; case 7: m->v = u * 0.5; break;
      case 10: m->v = u * 0.61; break; case 11: m->v = 0; break; case 12: m->v = u * 0.1; break; case 13: m->v = u * 0.05; break;
      case 20: m->v = pcie_rate(g, 1) / 1024.0; break; case 21: m->v = pcie_rate(g, 0) / 1024.0; break; case 60: m->v = idle_gpu(g) ? 0 : 38000; break; case 61: m->v = idle_gpu(g) ? 0 : 40000; break;
      default: m->ret = NOSUP; m->v = 0;
    }
  }
  return OK;
}
#include "stubs.inc"
