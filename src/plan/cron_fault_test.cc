#include "plan/cron_fault.h"

#include <gtest/gtest.h>

#include "plan/cron.h"

namespace busker::plan {
namespace {

std::string Fault(const std::string& text) {
  const auto cron = ParseCron(text);
  if (cron) return "";
  const std::string& message = cron.error().message;
  return message.substr(message.find("\": ") + 3);
}

// Jenkins and some crontabs write the zone before the fields, which were counted: "6 fields".
TEST(CronFault, SaysWhereTheTimeZoneStands) {
  for (const char* text : {"TZ=Europe/Berlin 0 5 * * *", "CRON_TZ=Europe/Berlin 0 5 * * *",
                           "TZ=Europe/Berlin\n0 5 * * *", "  CRON_TZ='Europe/Berlin'  0 5 * * * ",
                           "TZ=\"Europe/Berlin\" 0 5 * * *", "\"TZ=Europe/Berlin 0 5 * * *\""}) {
    EXPECT_EQ(
        Fault(text),
        "the time zone has a key of its own: write time_zone = \"Europe/Berlin\" and schedule = "
        "\"0 5 * * *\" (in a graph file \"timezone\"; for busker next --zone Europe/Berlin)")
        << text;
  }
  EXPECT_NE(Fault("TZ=Asia/Tokyo @daily").find("schedule = \"@daily\""), std::string::npos);
  EXPECT_NE(Fault("TZ=UTC").find("time_zone = \"UTC\""), std::string::npos);
}

// A blank that is none: the message showed the fields as they should be, and counted four.
TEST(CronFault, NamesABlankThatIsNone) {
  EXPECT_EQ(
      Fault("0\u00A08 * * *"),
      "there is a no-break space (U+00A0) behind \"0\", at character 2; write an ordinary blank");
  EXPECT_EQ(Fault("0 8 *\u2009* *"),
            "there is a typographic space (U+2009) behind \"*\", at character 6; write an ordinary "
            "blank");
  EXPECT_EQ(Fault("\uFEFF0 8 * * *"),
            "there is a byte order mark (U+FEFF), at character 1; leave it out");
  EXPECT_EQ(
      Fault("0 8 * * *\u200B"),
      "there is a character without width (U+200B) behind \"*\", at character 10; leave it out");
  EXPECT_EQ(Fault("0 8 * * *\u3000"),
            "there is an ideographic space (U+3000) behind \"*\", at character 10; write an "
            "ordinary blank");
  EXPECT_NE(Fault("0 8 * *\v*").find("(U+000B)"), std::string::npos);
  EXPECT_EQ(Fault("0 8 * * 1\u20135"),
            "there is a typographic dash (U+2013) behind \"1\", at character 10; write \"-\"");
  EXPECT_EQ(Fault("0 8 \u2217 * *"),
            "there is an asterisk operator (U+2217) behind \"8\", at character 5; write \"*\"");
}

TEST(CronFault, KnowsALineOfACrontab) {
  EXPECT_EQ(
      Fault("0 5 * * * root /usr/bin/backup --all"),
      "\"root /usr/bin/backup --all\" behind the five fields has no place in a schedule; what "
      "runs is said by the command of the action");
  EXPECT_EQ(Fault("0 5 * * mon-fri /usr/bin/backup").substr(0, 17), "\"/usr/bin/backup\"");
  EXPECT_EQ(Fault("0 5 * * * # nightly"),
            "\"# nightly\" behind the five fields has no place in a schedule");
  EXPECT_EQ(Fault("@daily /usr/bin/backup").substr(0, 35), "\"/usr/bin/backup\" behind @daily has");
  EXPECT_EQ(Fault("'0 5 * * *'"), "the quotes are part of it; write 0 5 * * * without them");
  EXPECT_EQ(Fault("\"@daily\""), "the quotes are part of it; write @daily without them");
  EXPECT_EQ(Fault("H 5 * * *"), "minute: \"H\" is not within 0-59; write a number for Jenkins's H");
  EXPECT_EQ(Fault("0 H(0-5) * * *"),
            "hour: \"H(0\" is not within 0-23; write a number for Jenkins's H");
}

TEST(CronFault, LeavesTheRestToTheFields) {
  EXPECT_EQ(Fault("0 5 * * *"), "");
  EXPECT_EQ(Fault("\t0  5 *\t* *\n"), "");
  for (const char* six : {"0 0 5 * * *", "0 5 * * * 2026", "0 5 * * * mon"}) {
    EXPECT_EQ(Fault(six).substr(0, 8), "6 fields") << six;
  }
  EXPECT_EQ(Fault("once a day").substr(0, 8), "3 fields");
  EXPECT_EQ(Fault("every day at five in the morning").substr(0, 8), "7 fields");
  EXPECT_FALSE(FindCronFault("\xA0\xFF 1 2 3 4").has_value());  // no UTF-8
}

}  // namespace
}  // namespace busker::plan
