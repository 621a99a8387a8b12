// The folders of other migration tools, read as versions of one step each. Internal to this
// folder.
//
// Source: the documentation of golang-migrate, diesel, sqlx, Flyway, sqitch, dbmate and goose.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "pgcycle/migrate/plan.hpp"

namespace pgcycle::migrate {

// Told by the names of files, for dbmate and goose by their marks, for sqitch by its plan; nothing
// when there is no migration. Throws Error{input} for a folder that mixes two.
std::optional<Layout> foreign_layout_of(const std::filesystem::path& directory);

std::vector<Version> read_foreign_migrations(const std::filesystem::path& directory, Layout layout);

}  // namespace pgcycle::migrate
