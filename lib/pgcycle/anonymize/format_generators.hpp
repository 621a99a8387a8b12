// Generators that must keep a format valid: phone, IBAN, IP, URL, dates, bytes
// and password hashes. Internal to this folder; reached through generator.hpp.
#pragma once

#include "pgcycle/anonymize/generator.hpp"

namespace pgcycle::anonymize {

Generator make_phone(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// Source of the check digits: ISO 13616, modulo 97 of ISO 7064.
Generator make_iban(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// Keeps the issuer's six digits; the check digit is Luhn's (ISO/IEC 7812-1).
Generator make_card(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
Generator make_uuid(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
Generator make_noise(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
Generator make_scale(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
Generator make_ip(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
Generator make_url(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// Works on a date, and on the date part of a timestamp; "infinity" is kept.
Generator make_date_shift(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// Works on bytea's hex form.
Generator make_bytes(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// "scrypt:N:r:p:SALT:HASH", salt and hash in hex (RFC 7914).
Generator make_password(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);

// Valid numbers, spaces and hyphens apart.
bool is_iban(std::string_view text);
bool is_card_number(std::string_view text);
// The digit that makes a number valid by Luhn's formula.
char luhn_digit(std::string_view digits);

// The stored column that an option names, if it is given. Throws Error{config} for one that
// the table does not have.
std::optional<std::size_t> column_option(const GeneratorSpec& spec, std::string_view option,
                                         const ValueLimits& limits);
int percent_option(const GeneratorSpec& spec);
// The "days" option of date_shift.
int days_option(const GeneratorSpec& spec);
// The "password" option of password.
std::string password_option(const GeneratorSpec& spec);

}  // namespace pgcycle::anonymize
