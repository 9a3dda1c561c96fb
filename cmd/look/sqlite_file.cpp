#include "cmd/look/sqlite_file.h"

#include <fmt/format.h>

#if ANONVMA_HAVE_SQLITE

#include <sqlite3.h>

#include <memory>
#include <string>

namespace anonvma::cmd {
namespace {

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  void operator()(unsigned char* bytes) const { sqlite3_free(bytes); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

Error failed(sqlite3* db) {
  return {ErrorCode::io, fmt::format("the database cannot be made: {}", sqlite3_errmsg(db)),
          Error::kNoOffset};
}

Status run(sqlite3* db, const std::string& sql) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failed(db);
  return ok();
}

void bind(sqlite3_stmt* statement, int place, const Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell))
    sqlite3_bind_int64(statement, place, *number);
  else if (const auto* real = std::get_if<double>(&cell))
    sqlite3_bind_double(statement, place, *real);
  else if (const auto* text = std::get_if<std::string>(&cell))
    sqlite3_bind_text(statement, place, text->data(), static_cast<int>(text->size()),
                      SQLITE_TRANSIENT);
  else
    sqlite3_bind_null(statement, place);
}

Status fill(sqlite3* db, const ResultTable& table) {
  if (Status made = run(db, fmt::format("CREATE TABLE {} ({})", table.name, table.columns)); !made)
    return made;
  if (table.rows.empty()) return ok();
  std::string places = "?";
  for (std::size_t i = 1; i < table.rows.front().size(); ++i) places += ",?";
  const std::string sql = fmt::format("INSERT INTO {} VALUES ({})", table.name, places);
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(db, sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK) return failed(db);
  const Statement statement(prepared);
  for (const std::vector<Cell>& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) bind(prepared, static_cast<int>(i) + 1, row[i]);
    if (sqlite3_step(prepared) != SQLITE_DONE) return failed(db);
    sqlite3_reset(prepared);
  }
  return ok();
}

}  // namespace

Result<std::vector<std::byte>> sqlite_bytes(std::span<const ResultTable> tables) {
  sqlite3* opened = nullptr;
  if (sqlite3_open(":memory:", &opened) != SQLITE_OK) {
    const Database closing(opened);
    return failed(opened);
  }
  const Database db(opened);
  if (Status begun = run(opened, "BEGIN"); !begun) return begun.error();
  for (const ResultTable& table : tables)
    if (Status filled = fill(opened, table); !filled) return filled.error();
  if (Status done = run(opened, "COMMIT"); !done) return done.error();
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, Close> bytes(sqlite3_serialize(opened, "main", &size, 0));
  if (!bytes) return failed(opened);
  const auto* first = reinterpret_cast<const std::byte*>(bytes.get());
  return std::vector<std::byte>(first, first + size);
}

}  // namespace anonvma::cmd

#else

namespace anonvma::cmd {

Result<std::vector<std::byte>> sqlite_bytes(std::span<const ResultTable>) {
  return Error{ErrorCode::not_supported,
               "this build has no SQLite: install libsqlite3-dev and build again",
               Error::kNoOffset};
}

}  // namespace anonvma::cmd

#endif
