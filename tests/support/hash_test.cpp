#include "pgcycle/support/hash.hpp"

#include <gtest/gtest.h>

#include "pgcycle/support/error.hpp"

namespace pgcycle {
namespace {

TEST(Sha256, MeetsTheVectorsOfItsStandard) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, IsTheSameInPieces) {
  Sha256 pieces;
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  EXPECT_EQ(pieces.finish(), sha256("abc"));
}

TEST(Uuid5, IsThatOfRfc4122) {
  EXPECT_EQ(uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "python.org"),
            "886313e1-3b8a-5372-9b90-0c9aee199e5d");
  EXPECT_THROW(uuid5("no uuid", "x"), Error);
}

TEST(Hex, GoesBothWaysAndRefusesTheRest) {
  EXPECT_EQ(to_hex(from_hex("00ff7a")), "00ff7a");
  EXPECT_THROW(from_hex("0"), Error);
  EXPECT_THROW(from_hex("0g"), Error);
}

}  // namespace
}  // namespace pgcycle
