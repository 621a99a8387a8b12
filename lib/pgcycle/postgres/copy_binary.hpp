// The binary format of COPY, for values that come as text: what the server would have to parse and
// compute is done here, beside it.
//
// Only text as the server itself writes it is taken, for types whose binary form is simple and the
// same in all versions; the rest is left to the server, by the text format.
//
// Source: "File Formats, Binary Format" on PostgreSQL's page of the COPY command; the receive
// functions of the types.
// Thread rule: free functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgcycle::postgres {

enum class BinaryForm {
  boolean,
  int2,
  int4,
  int8,
  float4,
  float8,
  numeric,
  text,  // also of enumerations
  jsonb,
  bytea,
  uuid,
  date,
  time,
  timestamp,
  timestamptz
};

// Of a built-in type, by its oid; nothing where values have to be sent as text.
std::optional<BinaryForm> binary_form(std::uint32_t type);

void append_binary_header(std::string& out);
void append_binary_row(std::string& out, std::size_t fields);  // which follow
void append_binary_null(std::string& out);
// False, with nothing appended, for a text that only the server can read.
[[nodiscard]] bool append_binary_field(std::string& out, BinaryForm form, std::string_view text);
void append_binary_trailer(std::string& out);

}  // namespace pgcycle::postgres
