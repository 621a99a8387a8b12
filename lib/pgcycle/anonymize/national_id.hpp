// National identity and tax numbers: other numbers of the same country that are valid as well.
//
// Known are the numbers of Belgium (rijksregisternummer), Brazil (CPF), France (NIR), Germany
// (steuerliche Identifikationsnummer), Italy (codice fiscale), the Netherlands (BSN), Poland
// (PESEL), Portugal (NIF), Spain (DNI, NIE), Sweden (personnummer) and the United States (SSN).
// Internal to this folder; reached through generator.hpp.
#pragma once

#include "pgcycle/anonymize/generator.hpp"

namespace pgcycle::anonymize {

Generator make_national_id(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);

// The country's letters, such as "pt", of a number that is valid there; empty for any other
// text. A number that is valid in several countries counts for the strictest of them.
std::string_view country_of_national_id(std::string_view text);

// Valid in a country whose numbers no other number is likely to look like.
bool is_strict_national_id(std::string_view text);

}  // namespace pgcycle::anonymize
