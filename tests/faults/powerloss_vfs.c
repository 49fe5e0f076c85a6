/* A power cut as a SQLite VFS, loaded as an extension: `file:x.db?vfs=powerloss`.
**
** Writes go through to the real file, and what each one replaced is kept until the next sync of that file. After
** POWERLOSS_AFTER writes and syncs the power goes: every unsynced write is taken back, then each is kept, dropped or
** torn at a multiple of 512 bytes by the throw of POWERLOSS_SEED, and the process ends. A sync costs nothing: what it
** promises is kept here, not on the disk.
*/
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Change Change;
struct Change { /* a write of `size` bytes at `at`; a truncation has no `after` and leaves `at` bytes */
  Change *earlier;
  sqlite3_int64 at, length_before;
  int size;
  char *before, *after;
};

typedef struct File File;
struct File {
  sqlite3_file base;
  sqlite3_file *real; /* lies behind this struct */
  Change *last;
  File *next;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;
static File *open_files;
static long countdown;
static unsigned long long dice;

#define REAL(f) (((File *)(f))->real)

static unsigned roll(unsigned sides) { /* xorshift64 */
  dice ^= dice << 13;
  dice ^= dice >> 7;
  dice ^= dice << 17;
  return (unsigned)((dice >> 11) % sides);
}

static void forget(File *file) {
  while (file->last) {
    Change *change = file->last;
    file->last = change->earlier;
    free(change->before);
    free(change->after);
    free(change);
  }
}

static void restore(File *file, Change *change) {
  sqlite3_file *real = file->real;
  if (change->size) real->pMethods->xWrite(real, change->before, change->size, change->at);
  real->pMethods->xTruncate(real, change->length_before);
}

static void survive(File *file, Change *change) {
  sqlite3_file *real = file->real;
  int size = change->size;
  switch (roll(3)) {
    case 0: return;
    case 1: if (change->after) size = (int)roll((unsigned)size / 512 + 1) * 512;
  }
  if (!change->after) real->pMethods->xTruncate(real, change->at);
  else if (size) real->pMethods->xWrite(real, change->after, size, change->at);
}

static void oldest_first(File *file, Change *change) {
  if (!change) return;
  oldest_first(file, change->earlier);
  survive(file, change);
}

static void tick(void) {
  File *file;
  if (countdown <= 0 || --countdown) return;
  for (file = open_files; file; file = file->next) {
    Change *change;
    for (change = file->last; change; change = change->earlier) restore(file, change);
    oldest_first(file, file->last);
  }
  _exit(77);
}

static void remember(File *file, const void *after, int size, sqlite3_int64 at) {
  Change *change = calloc(1, sizeof *change);
  sqlite3_file *real = file->real;
  real->pMethods->xFileSize(real, &change->length_before);
  change->at = at;
  change->size = after ? size : (int)(change->length_before > at ? change->length_before - at : 0);
  change->before = calloc(1, (size_t)change->size + 1);
  real->pMethods->xRead(real, change->before, change->size, at);
  if (after) {
    change->after = malloc((size_t)size);
    memcpy(change->after, after, (size_t)size);
  }
  change->earlier = file->last;
  file->last = change;
}

static int x_write(sqlite3_file *f, const void *data, int size, sqlite3_int64 at) {
  tick();
  remember((File *)f, data, size, at);
  return REAL(f)->pMethods->xWrite(REAL(f), data, size, at);
}
static int x_truncate(sqlite3_file *f, sqlite3_int64 length) {
  remember((File *)f, 0, 0, length);
  return REAL(f)->pMethods->xTruncate(REAL(f), length);
}
static int x_sync(sqlite3_file *f, int flags) {
  (void)flags;
  tick();
  forget((File *)f);
  return SQLITE_OK;
}
static int x_close(sqlite3_file *f) {
  File **at = &open_files;
  while (*at != (File *)f) at = &(*at)->next;
  *at = (*at)->next;
  forget((File *)f);
  return REAL(f)->pMethods->xClose(REAL(f));
}
static int x_read(sqlite3_file *f, void *to, int size, sqlite3_int64 at) {
  return REAL(f)->pMethods->xRead(REAL(f), to, size, at);
}
static int x_size(sqlite3_file *f, sqlite3_int64 *size) { return REAL(f)->pMethods->xFileSize(REAL(f), size); }
static int x_lock(sqlite3_file *f, int lock) { return REAL(f)->pMethods->xLock(REAL(f), lock); }
static int x_unlock(sqlite3_file *f, int lock) { return REAL(f)->pMethods->xUnlock(REAL(f), lock); }
static int x_check(sqlite3_file *f, int *held) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), held); }
static int x_control(sqlite3_file *f, int op, void *arg) { return REAL(f)->pMethods->xFileControl(REAL(f), op, arg); }
static int x_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int x_device(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)); }
static int x_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **to) {
  return REAL(f)->pMethods->xShmMap(REAL(f), region, size, extend, to);
}
static int x_shm_lock(sqlite3_file *f, int at, int n, int flags) {
  return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}
static void x_shm_barrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }
static int x_shm_unmap(sqlite3_file *f, int gone) { return REAL(f)->pMethods->xShmUnmap(REAL(f), gone); }

static const sqlite3_io_methods methods = {
  2, x_close, x_read, x_write, x_truncate, x_sync, x_size, x_lock, x_unlock, x_check, x_control, x_sector, x_device,
  x_shm_map, x_shm_lock, x_shm_barrier, x_shm_unmap, 0, 0,
};

static int x_open(sqlite3_vfs *self, const char *name, sqlite3_file *f, int flags, int *out) {
  File *file = (File *)f;
  int result;
  (void)self;
  memset(file, 0, sizeof *file);
  file->real = (sqlite3_file *)(file + 1);
  result = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
  if (!file->real->pMethods) return result;
  file->base.pMethods = &methods;
  file->next = open_files;
  open_files = file;
  return result;
}

int sqlite3_powerlossvfs_init(sqlite3 *db, char **error, const sqlite3_api_routines *api) {
  const char *after = getenv("POWERLOSS_AFTER"), *seed = getenv("POWERLOSS_SEED");
  SQLITE_EXTENSION_INIT2(api);
  (void)db;
  (void)error;
  real_vfs = sqlite3_vfs_find(0);
  vfs = *real_vfs;
  vfs.zName = "powerloss";
  vfs.szOsFile = (int)sizeof(File) + real_vfs->szOsFile;
  vfs.xOpen = x_open;
  countdown = after ? atol(after) : 0;
  dice = (seed ? strtoull(seed, 0, 10) : 0) * 2654435761u + 88172645463325252ull;
  return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : SQLITE_ERROR;
}
