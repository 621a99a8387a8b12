// Generators that must keep a format valid: phone, IBAN, IP, URL, dates, bytes
// and password hashes. Internal to this folder; reached through generator.hpp.
#pragma once

#include "pgcycle/anonymize/generator.hpp"

namespace pgcycle::anonymize {

Generator make_phone(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// Source of the check digits: ISO 13616, modulo 97 of ISO 7064.
Generator make_iban(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
Generator make_ip(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
Generator make_url(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// Works on a date, and on the date part of a timestamp; "infinity" is kept.
Generator make_date_shift(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// Works on bytea's hex form.
Generator make_bytes(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);
// "scrypt:N:r:p:SALT:HASH", salt and hash in hex (RFC 7914).
Generator make_password(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);

// The "days" option of date_shift.
int days_option(const GeneratorSpec& spec);
// The "password" option of password.
std::string password_option(const GeneratorSpec& spec);

}  // namespace pgcycle::anonymize
