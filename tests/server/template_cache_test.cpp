#include "pgcycle/server/template_cache.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/lease.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using test::TestDatabase;

class TemplateCacheTest : public testing::Test {
 protected:
  TemplateCacheTest()
      : target_(database_.target()), maintenance_(open_maintenance(target_, test::silent())) {}
  ~TemplateCacheTest() override {
    for (const std::string& name : names("pgcycle_template_%")) drop(name);
    for (const std::string& name : names("pgcycle_spare_%")) drop(name);
    for (const std::string& name : names("clone_%")) drop(name);
  }
  void drop(const std::string& name) {
    maintenance_.execute("DROP DATABASE \"" + name + "\" WITH (FORCE)");
  }
  std::vector<std::string> names(const std::string& pattern) {
    const auto rows = maintenance_.query(
        "SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY 1", {pattern});
    std::vector<std::string> out;
    for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(rows.get(i, 0));
    return out;
  }
  TemplateCache::Build fill(int value) {
    return [this, value](const NewDatabase& fresh) {
      ++builds_;
      fresh.create();
      auto connection = postgres::Connection::open(fresh.info());
      connection.execute(fmt::format("CREATE TABLE public.t AS SELECT {} AS x", value));
      return DatabaseContents{1, 1};
    };
  }
  // Whether the template was there.
  bool clone(TemplateCache& cache, const std::string& key, const std::string& name,
             const TemplateCache::Build& build) {
    auto own = open_maintenance(target_, test::silent());
    const HeldTemplate held = cache.hold(key, build);
    copy_database(own, held.database, name);
    EXPECT_EQ(held.contents.rows, 1U);
    return held.was_there;
  }
  std::string value_in(const std::string& name) {
    return postgres::Connection::open(test::server_info().with_database(name))
        .query("SELECT x FROM public.t")
        .get(0, 0);
  }

  TestDatabase database_;
  Target target_;
  postgres::Connection maintenance_;
  std::atomic<int> builds_{0};
};

TEST_F(TemplateCacheTest, BuildsOnceAndClonesFromThenOn) {
  TemplateCache cache(maintenance_, target_, test::silent());
  EXPECT_FALSE(clone(cache, "aa", "clone_1", fill(7)));
  EXPECT_TRUE(clone(cache, "aa", "clone_2", fill(8)));
  EXPECT_EQ(builds_, 1);
  EXPECT_EQ(value_in("clone_1"), "7");
  EXPECT_EQ(value_in("clone_2"), "7");
  EXPECT_FALSE(clone(cache, "bb", "clone_3", fill(9)));
  EXPECT_EQ(value_in("clone_3"), "9");
  EXPECT_EQ(cache.list().size(), 2U);
}

TEST_F(TemplateCacheTest, ManyAtOnceBuildItOnce) {
  std::vector<std::thread> runs;
  for (int i = 0; i < 6; ++i) {
    runs.emplace_back([this, i] {
      auto maintenance = open_maintenance(target_, test::silent());
      TemplateCache cache(maintenance, target_, test::silent());
      clone(cache, "aa", "clone_" + std::to_string(i), fill(7));
    });
  }
  for (std::thread& run : runs) run.join();
  EXPECT_EQ(builds_, 1);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(value_in("clone_" + std::to_string(i)), "7");
}

TEST_F(TemplateCacheTest, ABuildThatFailsLeavesNothing) {
  TemplateCache cache(maintenance_, target_, test::silent());
  EXPECT_THROW(clone(cache, "aa", "clone_1",
                     [](const NewDatabase& fresh) -> DatabaseContents {
                       fresh.create();
                       throw Error(ErrorCode::step, "the dump is damaged");
                     }),
               Error);
  EXPECT_EQ(names("pgcycle%").size(), 0U);
  EXPECT_EQ(names("clone_%").size(), 0U);
}

TEST_F(TemplateCacheTest, TheNextCloneTakesTheSpare) {
  TemplateCache cache(maintenance_, target_, test::silent());
  const std::string key(32, 'a');
  const std::string spare = "pgcycle_spare_" + key;
  const auto oid = [this](const std::string& name) {
    return maintenance_.query("SELECT oid FROM pg_database WHERE datname = $1", {name})
        .integer(0, 0);
  };
  cache.make_spare(key, {});
  EXPECT_TRUE(names("pgcycle_spare_%").empty());  // nothing to make it of
  const HeldTemplate held = cache.hold(key, fill(7));
  const std::uint64_t bytes = cache.list().front().bytes;
  cache.make_spare(key, {bytes, 0});
  EXPECT_TRUE(names("pgcycle_spare_%").empty());  // no room
  cache.make_spare(key, {2 * bytes, 0});
  EXPECT_EQ(names("pgcycle_spare_%"), std::vector<std::string>{spare});
  EXPECT_GT(cache.list().front().bytes, bytes);
  EXPECT_THROW(postgres::Connection::open(target_.info.with_database(spare)), Error);
  EXPECT_EQ(drop_abandoned_databases(maintenance_, test::silent()).size(), 0U);

  const std::int64_t was = oid(spare);
  TemplateCache::clone(maintenance_, held, "clone_1");
  EXPECT_EQ(oid("clone_1"), was);
  EXPECT_EQ(value_in("clone_1"), "7");
  TemplateCache::clone(maintenance_, held, "clone_2");  // there is no other
  EXPECT_EQ(value_in("clone_2"), "7");
}

TEST_F(TemplateCacheTest, AnUnfinishedTemplateIsReplacedByACopyThatIsFinished) {
  TemplateCache cache(maintenance_, target_, test::silent());
  const std::string key(32, 'e');
  const auto work = [this, &key](const postgres::ConnectionInfo& info) {
    ++builds_;
    // The template can be cloned meanwhile.
    auto other = open_maintenance(target_, test::silent());
    const HeldTemplate held = TemplateCache(other, target_, test::silent()).hold(key, fill(0));
    TemplateCache::clone(other, held, "clone_" + std::to_string(builds_));
    postgres::Connection::open(info).execute("UPDATE public.t SET x = x + 1");
  };
  cache.finish(key, work);
  EXPECT_EQ(builds_, 0);  // there is none
  cache.hold(key, [&](const NewDatabase& fresh) {
    fill(7)(fresh);
    return DatabaseContents{1, 4, true};
  });
  cache.make_spare(key, {});
  EXPECT_TRUE(cache.hold(key, fill(0)).contents.unfinished);
  {
    // A session may hold the template for hours: it stays, and nobody waits.
    auto other = open_maintenance(target_, test::silent());
    const HeldTemplate held = TemplateCache(other, target_, test::silent()).hold(key, fill(0));
    cache.finish(key, [](const postgres::ConnectionInfo&) {});
    EXPECT_TRUE(names("pgcycle_build_%").empty());
    EXPECT_TRUE(cache.hold(key, fill(0)).contents.unfinished);
  }
  cache.finish(key, work);
  EXPECT_EQ(builds_, 2);
  EXPECT_EQ(value_in("clone_2"), "7");
  const HeldTemplate held = cache.hold(key, fill(0));
  EXPECT_TRUE(held.was_there);
  EXPECT_FALSE(held.contents.unfinished);
  EXPECT_EQ(held.contents.rows, 4U);
  EXPECT_TRUE(names("pgcycle_spare_%").empty());  // it was a copy of the unfinished one
  TemplateCache::clone(maintenance_, held, "clone_3");
  EXPECT_EQ(value_in("clone_3"), "8");
  cache.finish(key, work);  // has nothing to do
  EXPECT_EQ(builds_, 2);
  EXPECT_GT(cache.list().front().last_used, 0);
}

TEST_F(TemplateCacheTest, ATemplateThatCannotBeFinishedStaysAsItIs) {
  TemplateCache cache(maintenance_, target_, test::silent());
  const std::string key(32, 'f');
  cache.hold(key, [&](const NewDatabase& fresh) {
    fill(7)(fresh);
    return DatabaseContents{1, 1, true};
  });
  EXPECT_THROW(
      cache.finish(key,
                   [](const postgres::ConnectionInfo&) { throw Error(ErrorCode::step, "no"); }),
      Error);
  EXPECT_TRUE(names("pgcycle_build_%").empty());
  EXPECT_TRUE(clone(cache, key, "clone_1", fill(0)));
  EXPECT_EQ(value_in("clone_1"), "7");
}

TEST_F(TemplateCacheTest, ASpareGoesWithItsTemplate) {
  TemplateCache cache(maintenance_, target_, test::silent());
  const std::string key(32, 'b');
  const std::string other(32, 'c');
  for (const std::string& each : {key, other}) {
    cache.hold(each, fill(7));
    cache.make_spare(each, {});
  }
  drop("pgcycle_template_" + other);
  const auto dropped = drop_abandoned_databases(maintenance_, test::silent());
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0].name, "pgcycle_spare_" + other);
  EXPECT_EQ(cache.prune({1, 0}), std::vector<std::string>{"pgcycle_template_" + key});
  EXPECT_TRUE(names("pgcycle%").empty());
}

TEST_F(TemplateCacheTest, ClonesAtOnceShareOneSpare) {
  TemplateCache cache(maintenance_, target_, test::silent());
  const HeldTemplate held = cache.hold(std::string(32, 'd'), fill(7));
  cache.make_spare(held.key, {});
  std::vector<std::thread> runs;
  for (int i = 0; i < 6; ++i) {
    runs.emplace_back([this, i, &held] {
      auto maintenance = open_maintenance(target_, test::silent());
      TemplateCache::clone(maintenance, held, "clone_" + std::to_string(i));
    });
  }
  for (std::thread& run : runs) run.join();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(value_in("clone_" + std::to_string(i)), "7");
  EXPECT_TRUE(names("pgcycle_spare_%").empty());
}

TEST_F(TemplateCacheTest, PrunesTheLeastRecentlyUsedFirst) {
  TemplateCache cache(maintenance_, target_, test::silent());
  for (const std::string key : {"aa", "bb", "cc"}) {
    clone(cache, key, "clone_" + key, fill(1));
    maintenance_.execute("ALTER DATABASE pgcycle_template_" + key + " SET pgcycle.last_used = '" +
                         (key == "aa"   ? "300"
                          : key == "bb" ? "100"
                                        : "200") +
                         "'");
  }
  EXPECT_EQ(cache.list().front().key, "aa");
  EXPECT_EQ(cache.prune({0, 2}), std::vector<std::string>{"pgcycle_template_bb"});
  EXPECT_TRUE(cache.prune({}).empty());
  EXPECT_EQ(cache.prune({1, 0}, "pgcycle_template_cc"),
            std::vector<std::string>{"pgcycle_template_aa"});
  EXPECT_EQ(cache.list().size(), 1U);
}

}  // namespace
}  // namespace pgcycle::server
