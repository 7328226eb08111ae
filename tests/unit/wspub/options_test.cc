#include "wspub/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/scratch_folder.h"

namespace wskit::pub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OptionsTest : public ::testing::Test {
 protected:
  // Why the options do not go together; empty if they do.
  std::string fault() {
    try {
      plan_ = make_plan(options_);
    } catch (const cli::UsageError& error) {
      return error.what();
    }
    return "";
  }

  PubOptions options_;
  PubPlan plan_;
};

TEST_F(OptionsTest, TheFirstOperandIsTheChannelAndTheOthersAreFiles) {
  options_.first_operand = "market/{s}";
  options_.files = {"a", "-"};
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.mapping.channel->text(), "market/{s}");
  EXPECT_THAT(plan_.source.files, ElementsAre("a", "-"));
}

TEST_F(OptionsTest, WithTheChannelInAnOptionEveryOperandIsAFile) {
  options_.channel = "c";
  options_.first_operand = "a";
  options_.files = {"b"};
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.mapping.channel->text(), "c");
  EXPECT_THAT(plan_.source.files, ElementsAre("a", "b"));
}

TEST_F(OptionsTest, TheSameWithTheChannelFromTheLine) {
  options_.channel_from = ".route";
  options_.first_operand = "a";
  EXPECT_EQ(fault(), "");
  EXPECT_FALSE(plan_.mapping.channel);
  EXPECT_THAT(plan_.source.files, ElementsAre("a"));
}

// F5: it was taken for the channel, and nothing was published.
TEST_F(OptionsTest, AnOnlyOperandThatIsAFileIsRead) {
  const test::ScratchFolder folder;
  const std::string file = folder.path() / "rec.jsonl";
  std::ofstream(file) << "1\n";
  options_.first_operand = file;
  EXPECT_EQ(fault(), "");
  EXPECT_FALSE(plan_.mapping.channel);
  EXPECT_THAT(plan_.source.files, ElementsAre(file));

  options_.files = {"other"};
  EXPECT_THAT(fault(), HasSubstr("is a file, and stands where the channel does"));
  options_.files = {};
  options_.named_files = {"other"};
  EXPECT_THAT(fault(), HasSubstr("channel")) << "behind --file it is the channel";
  options_.named_files = {};
  options_.first_operand = folder.path();
  EXPECT_THAT(fault(), HasSubstr("channel")) << "a folder is not read";
}

TEST_F(OptionsTest, FilesMayBeNamedByAnOption) {
  options_.named_files = {"a", "b"};
  EXPECT_EQ(fault(), "");
  EXPECT_FALSE(plan_.mapping.channel);
  EXPECT_THAT(plan_.source.files, ElementsAre("a", "b"));
  options_.first_operand = "c";
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.mapping.channel->text(), "c");
}

TEST_F(OptionsTest, TheWordBehindLoopIsAnOperandInItsPlace) {
  options_.loop = "inf";
  options_.loop_operand = {"c", 0};
  options_.first_operand = "a";
  options_.files = {"b"};
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.mapping.channel->text(), "c");
  EXPECT_THAT(plan_.source.files, ElementsAre("a", "b"));
  options_.loop_operand = {"c", 2};
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.mapping.channel->text(), "a");
  EXPECT_THAT(plan_.source.files, ElementsAre("b", "c"));
  EXPECT_EQ(plan_.passes, 0U);
}

TEST_F(OptionsTest, BadChannelsPathsAndTypesAreNamed) {
  options_.first_operand = "market/*";
  EXPECT_THAT(fault(), HasSubstr("pattern"));
  options_.first_operand = "c";
  options_.key_from = "a..b";
  EXPECT_THAT(fault(), HasSubstr("--key-from: path \"a..b\""));
  options_.key_from = "";
  options_.type = "not a type";
  EXPECT_THAT(fault(), HasSubstr("--type: \"not a type\""));
}

struct Clash {
  const char* name;
  void (*set)(PubOptions&);
  const char* reason;
};

class OptionsThatClash : public OptionsTest, public ::testing::WithParamInterface<Clash> {};

TEST_P(OptionsThatClash, AreRefusedWithTheReason) {
  options_.first_operand = "c";
  GetParam().set(options_);
  EXPECT_THAT(fault(), HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    All, OptionsThatClash,
    ::testing::Values(
        Clash{"TwoTypes",
              [](PubOptions& o) {
                o.type = "t";
                o.type_from = ".t";
              },
              "--type and --type-from"},
        Clash{"TwoChannels",
              [](PubOptions& o) {
                o.channel = "c";
                o.channel_from = ".c";
              },
              "--channel and --channel-from"},
        Clash{"TwoSeparators", [](PubOptions& o) { o.nul = o.whole = true; }, "-0 and --whole"},
        Clash{"MessagesAndFiles",
              [](PubOptions& o) {
                o.messages = {"1"};
                o.files = {"f"};
              },
              "--message and FILE (f)"},
        Clash{"TwoOutputs", [](PubOptions& o) { o.receipts = o.tee = true; }, "only one of --receipts"},
        Clash{"ReceiptsOfNothing",
              [](PubOptions& o) {
                o.receipts = true;
                o.ack = Acknowledge::kNone;
              },
              "--receipts needs --ack server"},
        Clash{"FieldsOfText",
              [](PubOptions& o) {
                o.input = InputKind::kText;
                o.key_from = "k";
              },
              "lines of text have no fields"},
        Clash{"TemplateOverText",
              [](PubOptions& o) {
                o.input = InputKind::kText;
                o.first_operand = "c/{s}";
              },
              "lines of text have no fields"},
        Clash{"TextWithoutChannel",
              [](PubOptions& o) {
                o.input = InputKind::kText;
                o.first_operand = "";
              },
              "give CHANNEL"},
        Clash{"NoWindow", [](PubOptions& o) { o.window = 0; }, "--window"},
        Clash{"NoTimeToAnswer", [](PubOptions& o) { o.ack_timeout = {}; }, "--ack-timeout must be greater than 0"},
        Clash{"NothingToReplace", [](PubOptions& o) { o.replace_with = "-"; }, "--replace-with is for the fields"},
        Clash{"ReplacedByNothingBetter",
              [](PubOptions& o) {
                o.first_operand = "c/{s}";
                o.replace_with = "/";
              },
              "--replace-with: a segment cannot hold"},
        Clash{"BurstOfNoRate", [](PubOptions& o) { o.burst = 5; }, "--burst needs --rate"},
        Clash{"NoBurst",
              [](PubOptions& o) {
                o.rate = 5;
                o.burst = 0;
              },
              "--burst must be greater than 0"},
        Clash{"NoTypeAndAType",
              [](PubOptions& o) {
                o.type = "t";
                o.type_from = "none";
              },
              "--type and --type-from"},
        Clash{"AJournalOfFilesOfWhichOneIsFollowed",
              [](PubOptions& o) {
                o.journal = "j";
                o.follow = true;
                o.files = {"a", "b"};
              },
              "--journal with --follow takes one FILE"},
        Clash{"NoLine", [](PubOptions& o) { o.max_line = 0; }, "--max-line"},
        Clash{"UnknownPolicy", [](PubOptions& o) { o.on_invalid = "ignore"; }, "fail, skip or dlq=FILE"},
        Clash{"NowhereToSetAside", [](PubOptions& o) { o.on_invalid = "dlq="; }, "fail, skip or dlq=FILE"},
        Clash{"AJournalOfNothing",
              [](PubOptions& o) {
                o.journal = "j";
                o.ack = Acknowledge::kNone;
              },
              "--journal keeps what was acknowledged; it needs --ack server"},
        Clash{"AJournalWithoutMarks",
              [](PubOptions& o) {
                o.journal = "j";
                o.dedup = false;
              },
              "--no-dedup"},
        Clash{"AJournalOfMessages",
              [](PubOptions& o) {
                o.journal = "j";
                o.messages = {"1"};
              },
              "--message has none"},
        Clash{"AJournalOfADryRun",
              [](PubOptions& o) {
                o.journal = "j";
                o.dry_run = true;
              },
              "--journal and --dry-run"},
        Clash{"SpeedWithoutARecording", [](PubOptions& o) { o.speed = 60; }, "--speed needs --replay"},
        Clash{"GapWithoutARecording", [](PubOptions& o) { o.max_gap = std::chrono::seconds(1); },
              "--max-gap needs --replay"},
        Clash{"ShiftWithoutARecording", [](PubOptions& o) { o.shift_time = "now"; },
              "--shift-time needs --replay"},
        Clash{"TwoPaces",
              [](PubOptions& o) {
                o.replay = "t";
                o.rate = 5;
              },
              "--rate and --replay exclude each other"},
        Clash{"ReplayOfMessages",
              [](PubOptions& o) {
                o.replay = "t";
                o.messages = {"1"};
              },
              "--message is published at once"},
        Clash{"ReplayOfText",
              [](PubOptions& o) {
                o.replay = "t";
                o.first_operand = "c";
                o.input = InputKind::kText;
              },
              "no fields"},
        Clash{"BadReplayPath", [](PubOptions& o) { o.replay = "[x"; }, "--replay: "},
        Clash{"BadShift",
              [](PubOptions& o) {
                o.replay = "t";
                o.shift_time = "soon";
              },
              "--shift-time: "},
        Clash{"NoPass", [](PubOptions& o) { o.loop = "0"; }, "--loop: '0' is no number of times"},
        Clash{"AJournalOfALoop",
              [](PubOptions& o) {
                o.journal = "j";
                o.loop = "2";
              },
              "--journal and --loop"},
        Clash{"FollowingNothing", [](PubOptions& o) { o.follow = true; },
              "--follow needs the name of a FILE"},
        Clash{"FollowingStdin",
              [](PubOptions& o) {
                o.follow = true;
                o.files = {"-"};
              },
              "--follow needs the name of a FILE"},
        Clash{"FollowingTheWhole",
              [](PubOptions& o) {
                o.follow = o.whole = true;
                o.files = {"a"};
              },
              "--follow and --whole"},
        Clash{"FollowingInALoop",
              [](PubOptions& o) {
                o.follow = true;
                o.files = {"a"};
                o.loop = "2";
              },
              "--follow and --loop"},
        Clash{"UnknownOnFull", [](PubOptions& o) { o.on_full = "spill="; },
              "--on-full: 'spill=' is not block, drop-oldest or spill=FILE"},
        Clash{"DroppingFromNoQueue",
              [](PubOptions& o) {
                o.on_full = "drop-oldest";
                o.queue = 0;
              },
              "--queue greater than 0"},
        Clash{"AJournalOfWhatMayBeDropped",
              [](PubOptions& o) {
                o.on_full = "drop-oldest";
                o.journal = "j";
              },
              "--on-full block"},
        Clash{"SpillingOneRecord",
              [](PubOptions& o) {
                o.on_full = "spill=f";
                o.whole = true;
              },
              "--whole has one record"},
        Clash{"BadPeriod", [](PubOptions& o) { o.stats = "often"; }, "--stats"},
        Clash{"NoPeriod", [](PubOptions& o) { o.stats = "0s"; }, "--stats"}),
    [](const auto& clash) { return clash.param.name; });

TEST_F(OptionsTest, AReplayGoesAtItsOwnPaceUnlessToldOtherwise) {
  options_.replay = ".time";
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.replay->speed, 1);
  EXPECT_FALSE(plan_.replay->max_gap);
  EXPECT_FALSE(plan_.shift_time);
  EXPECT_EQ(plan_.passes, 1U);
  options_.speed = 60;
  options_.max_gap = std::chrono::seconds(5);
  options_.shift_time = "now";
  options_.loop = "3";
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.replay->speed, 60);
  EXPECT_EQ(plan_.replay->max_gap, std::chrono::seconds(5));
  EXPECT_TRUE(plan_.shift_time);
  EXPECT_EQ(plan_.passes, 3U);
  options_.loop = "inf";
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.passes, 0U);
}

TEST_F(OptionsTest, EachRunMarksItsEventsWithANameOfItsOwn) {
  EXPECT_EQ(fault(), "");
  const std::string first = plan_.delivery.producer;
  EXPECT_EQ(fault(), "");
  EXPECT_NE(plan_.delivery.producer, first);
  EXPECT_EQ(first.size(), 12U);
  options_.dedup = false;
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(plan_.delivery.producer, "");
}

}  // namespace
}  // namespace wskit::pub
