#include "pgcycle/server/lease.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/database_swap.hpp"
#include "pgcycle/server/guard.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using test::TestDatabase;

constexpr const char* kDead = "0123456789abcdef";
constexpr const char* kAlive = "fedcba9876543210";

class LeaseTest : public testing::Test {
 protected:
  LeaseTest()
      : target_(database_.target()), maintenance_(open_maintenance(target_, test::silent())) {}
  ~LeaseTest() override {
    for (const std::string& name : made_) {
      maintenance_.execute("DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)");
    }
  }
  std::string make(const std::string& name) {
    maintenance_.execute("CREATE DATABASE \"" + name + "\" TEMPLATE template0");
    made_.push_back(name);
    return name;
  }
  bool exists(const std::string& name) { return database_exists(maintenance_, name); }
  std::vector<AbandonedDatabase> drop(bool dry_run = false) {
    auto own = open_maintenance(target_, test::silent());
    return drop_abandoned_databases(own, test::silent(), dry_run);
  }

  TestDatabase database_;
  Target target_;
  postgres::Connection maintenance_;
  std::vector<std::string> made_;
};

TEST_F(LeaseTest, DropsClonesOfSessionsThatAreGoneOnly) {
  const std::string dead = make(clone_name(kDead, 1));
  const std::string alive = make(clone_name(kAlive, 1));
  const AdvisoryLock session(maintenance_, session_lock(kAlive), test::silent());
  lease_database(maintenance_, alive, 60);
  EXPECT_EQ(drop(true).size(), 1U);
  EXPECT_TRUE(exists(dead));
  EXPECT_EQ(drop().at(0).name, dead);
  EXPECT_FALSE(exists(dead));
  EXPECT_TRUE(exists(alive));
}

TEST_F(LeaseTest, DropsACloneWhoseSessionHangsOnceItsLeaseEnded) {
  const std::string alive = make(clone_name(kAlive, 1));
  const AdvisoryLock session(maintenance_, session_lock(kAlive), test::silent());
  lease_database(maintenance_, alive, -5);
  EXPECT_EQ(drop().size(), 1U);
  EXPECT_FALSE(exists(alive));
}

TEST_F(LeaseTest, DropsWhatKilledRunsLeftButNotWhatLivingOnesMake) {
  const std::string dead = make("pgcycle_build_00000000000000000000000000000001");
  const std::string alive = make("pgcycle_build_00000000000000000000000000000002");
  const std::string swapped = make("pgcycle_old_" + std::string(kDead));
  const std::string building = make("pgcycle_new_" + std::string(kAlive));
  const AdvisoryLock builder(maintenance_, "pgcycle_template_00000000000000000000000000000002",
                             test::silent());
  const AdvisoryLock swapper(maintenance_, "swap " + std::string(kAlive), test::silent());
  EXPECT_EQ(drop().size(), 2U);
  EXPECT_FALSE(exists(dead));
  EXPECT_FALSE(exists(swapped));
  EXPECT_TRUE(exists(alive));
  EXPECT_TRUE(exists(building));
}

TEST_F(LeaseTest, LeavesAloneWhatOnlyLooksLikeIts) {
  const std::string backup = make("pgcycle_old_backup");
  const std::string longer = make("pgcycle_new_" + std::string(kDead) + "_of_mine");
  const std::string named = make("pgcycle_clone_of_shop");
  const std::string continued = make(clone_name(kDead, 1) + "_of_mine");
  // A lease that ended, in a database without the mark: a copy of a leased one.
  const std::string unmarked = make("unmarked");
  lease_database(maintenance_, unmarked, -5);
  const std::string leased = make("leased");
  mark_test_database(maintenance_, leased);
  lease_database(maintenance_, leased, 60);
  EXPECT_TRUE(drop().empty());
  lease_database(maintenance_, leased, -5);
  EXPECT_EQ(drop().at(0).name, leased);
  for (const std::string& name : {backup, longer, named, continued, unmarked})
    EXPECT_TRUE(exists(name));
}

TEST(Lease, IsReadAsItIsWritten) {
  const auto lease = parse_lease("builder-7 4711 1760000000");
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->host, "builder-7");
  EXPECT_EQ(lease->process, 4711);
  EXPECT_EQ(lease->ends, 1760000000);
  EXPECT_FALSE(parse_lease("nonsense"));
}

}  // namespace
}  // namespace pgcycle::server
