/* SQLite in memory: rows inserted, indexed, searched, joined, grouped, changed and deleted. */
#include "checksum.h"
#include "sqlite3.h"

/* The operating system that SQLite sees: no files, no time, the same randomness always. */

static int open_nothing(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
  (void)vfs, (void)name, (void)file, (void)flags, (void)flags_out;
  return SQLITE_CANTOPEN;
}

static int delete_nothing(sqlite3_vfs *vfs, const char *name, int sync) {
  (void)vfs, (void)name, (void)sync;
  return SQLITE_OK;
}

static int access_nothing(sqlite3_vfs *vfs, const char *name, int flags, int *found) {
  (void)vfs, (void)name, (void)flags;
  *found = 0;
  return SQLITE_OK;
}

static int full_name(sqlite3_vfs *vfs, const char *name, int length, char *out) {
  (void)vfs;
  sqlite3_snprintf(length, out, "%s", name);
  return SQLITE_OK;
}

static int fill_random(sqlite3_vfs *vfs, int length, char *out) {
  (void)vfs;
  memset(out, 42, (size_t)length);
  return length;
}

static int no_sleep(sqlite3_vfs *vfs, int microseconds) {
  (void)vfs;
  return microseconds;
}

static int no_time(sqlite3_vfs *vfs, double *julian_day) {
  (void)vfs;
  *julian_day = 2440587.5;
  return SQLITE_OK;
}

int sqlite3_os_init(void) {
  static sqlite3_vfs nothing = {.iVersion = 1,
                                .szOsFile = sizeof(sqlite3_file),
                                .mxPathname = 64,
                                .zName = "nothing",
                                .xOpen = open_nothing,
                                .xDelete = delete_nothing,
                                .xAccess = access_nothing,
                                .xFullPathname = full_name,
                                .xRandomness = fill_random,
                                .xSleep = no_sleep,
                                .xCurrentTime = no_time};
  return sqlite3_vfs_register(&nothing, 1);
}

int sqlite3_os_end(void) { return SQLITE_OK; }

static sqlite3 *database;

static void check(int status) {
  if (status == SQLITE_OK || status == SQLITE_ROW || status == SQLITE_DONE) return;
  fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(database));
  exit(1);
}

static void execute(const char *sql) { check(sqlite3_exec(database, sql, NULL, NULL, NULL)); }

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *statement;
  check(sqlite3_prepare_v2(database, sql, -1, &statement, NULL));
  return statement;
}

/* Mixes every value of every row. */
static uint64_t query(const char *sql, uint64_t sum) {
  sqlite3_stmt *statement = prepare(sql);
  while (sqlite3_step(statement) == SQLITE_ROW)
    for (int column = 0; column < sqlite3_column_count(statement); column++) {
      const unsigned char *text = sqlite3_column_text(statement, column);
      if (text != NULL) sum = mix_bytes(sum, text, strlen((const char *)text));
    }
  check(sqlite3_finalize(statement));
  return sum;
}

static void insert_rows(int rows, uint32_t random) {
  sqlite3_stmt *insert = prepare("INSERT INTO sale VALUES (?, ?, ?, ?)");
  for (int row = 0; row < rows; row++) {
    char name[32];
    snprintf(name, sizeof name, "thing %u", next_random(&random) % 5000);
    check(sqlite3_bind_int(insert, 1, row));
    check(sqlite3_bind_text(insert, 2, name, -1, SQLITE_TRANSIENT));
    check(sqlite3_bind_int(insert, 3, (int)(next_random(&random) % 100)));
    check(sqlite3_bind_int(insert, 4, (int)(next_random(&random) % 10000)));
    check(sqlite3_step(insert));
    check(sqlite3_reset(insert));
  }
  check(sqlite3_finalize(insert));
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 2);
  uint64_t sum = 0;
  for (int round = 0; round < rounds; round++) {
    check(sqlite3_open(":memory:", &database));
    execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, name TEXT, shop INTEGER, price INTEGER);"
            "CREATE TABLE shop (id INTEGER PRIMARY KEY, town TEXT);"
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)"
            "INSERT INTO shop SELECT i, 'town ' || (i % 17) FROM n; BEGIN");
    insert_rows(20000, 51 + (uint32_t)round);
    execute("COMMIT; CREATE INDEX sale_by_name ON sale (name, price)");
    sum = query("SELECT town, count(*), sum(price), max(name) FROM sale JOIN shop ON shop.id = shop GROUP BY town", sum);
    sum = query("SELECT name, min(price), avg(price) FROM sale WHERE name BETWEEN 'thing 2' AND 'thing 3' GROUP BY name",
                sum);
    sum = query("SELECT count(*) FROM sale WHERE name LIKE '%77%' AND price % 3 = 1", sum);
    execute("UPDATE sale SET price = price + 1 WHERE shop < 50; DELETE FROM sale WHERE price > 9000");
    sum = query("SELECT * FROM sale ORDER BY price DESC, id LIMIT 500", sum);
    check(sqlite3_close(database));
  }
  return print_checksum(sum);
}
