// Results of checks in the forms that CI systems read.
//
// Source: the Test Anything Protocol, version 13; JUnit's XML as Jenkins and GitLab read it.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/migrate/checks.hpp"

namespace pgcycle::migrate {

std::string as_tap(const std::vector<CheckResult>& results);
std::string as_junit_xml(const std::vector<CheckResult>& results);

}  // namespace pgcycle::migrate
