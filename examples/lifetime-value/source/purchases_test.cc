#include "purchases.h"

#include <gtest/gtest.h>

#include "test_folder.h"

namespace {

Date Day(const char* text) { return ParseDate(text).value(); }

class PurchasesFile : public ::testing::Test {
 protected:
  std::string ErrorOf(const std::string& content) {
    const auto file = folder_.Write("purchases.txt", content);
    const auto customers = ReadPurchases(file, Day("1998-06-30"));
    EXPECT_FALSE(customers);
    if (customers) return "";
    // The file's folder differs from test to test.
    return customers.error().substr(customers.error().find("purchases.txt"));
  }

  TestFolder folder_;
};

TEST_F(PurchasesFile, IsReadByCustomerInOrderOfDate) {
  const auto file = folder_.Write("purchases.txt",
                                  " 00021 0002 19970105  3   63.34\r\n"
                                  " 00004 0001 19970118  2   29.73\r\n"
                                  " 00004 0001 19970101  1   14.96\r\n");
  const auto customers = ReadPurchases(file, Day("1998-06-30"));
  ASSERT_TRUE(customers) << customers.error();
  ASSERT_EQ(customers->size(), 2U);
  EXPECT_EQ((*customers)[0].id, "00004");
  EXPECT_EQ((*customers)[0].purchases[0].date, Day("1997-01-01"));
  EXPECT_EQ((*customers)[0].purchases[0].dollars, 14.96);
  EXPECT_EQ((*customers)[0].purchases[1].discs, 2);
  EXPECT_EQ((*customers)[1].id, "00021");
}

TEST_F(PurchasesFile, ShowsNothingLaterThanTheDataDate) {
  const auto file = folder_.Write("purchases.txt",
                                  "00004 0001 19970101 1 10.00\n"
                                  "00004 0001 19970201 1 20.00\n"
                                  "00004 0001 19970202 1 30.00\n"
                                  "00021 0002 19970202 1 40.00\n");
  const auto customers = ReadPurchases(file, Day("1997-02-01"));
  ASSERT_TRUE(customers) << customers.error();
  ASSERT_EQ(customers->size(), 1U);
  EXPECT_EQ((*customers)[0].purchases.size(), 2U);
}

TEST_F(PurchasesFile, NamesFileAndLineOfABadRow) {
  const std::string good = "00004 0001 19970101 1 10.00\n";
  EXPECT_EQ(ErrorOf(good + "00004 0001 19970101 1\n"),
            "purchases.txt:2: has 4 fields instead of 5 (id, sample id, date, discs, dollars)");
  EXPECT_EQ(ErrorOf(good + good + "00004 0001 19970230 1 10.00\n"),
            "purchases.txt:3: \"19970230\" is not a date (YYYYMMDD)");
  EXPECT_EQ(ErrorOf("00004 0001 1997010x 1 10.00\n"),
            "purchases.txt:1: \"1997010x\" is not a date (YYYYMMDD)");
  EXPECT_EQ(ErrorOf("00004 0001 19970101 -1 10.00\n"),
            "purchases.txt:1: \"-1\" is not a number of discs");
  EXPECT_EQ(ErrorOf("00004 0001 19970101 1 nan\n"),
            "purchases.txt:1: \"nan\" is not an amount in dollars");
  EXPECT_EQ(ErrorOf("00004 0001 19970101 1 1,50\n"),
            "purchases.txt:1: \"1,50\" is not an amount in dollars");
  EXPECT_EQ(ErrorOf("4\",5 0001 19970101 1 10.00\n"),
            "purchases.txt:1: customer id \"4\",5\" has something other than digits");
  EXPECT_EQ(ErrorOf("\n"),
            "purchases.txt:1: has 0 fields instead of 5 (id, sample id, date, discs, dollars)");
}

TEST_F(PurchasesFile, ThatIsNotThereIsNamed) {
  const auto customers = ReadPurchases(folder_ / "none.txt", Day("1998-06-30"));
  ASSERT_FALSE(customers);
  EXPECT_NE(customers.error().find("none.txt: no such file"), std::string::npos)
      << customers.error();
}

TEST_F(PurchasesFile, ThatIsAFolderIsRefused) {
  EXPECT_FALSE(ReadPurchases(folder_ / ".", Day("1998-06-30")));
}

TEST(CdnowFile, HoldsTheCustomersOfTheFirstQuarterOf1997) {
  const auto customers = ReadPurchases(CDNOW_FILE, Day("1998-06-30"));
  ASSERT_TRUE(customers) << customers.error() << " (the project's setup fetches it)";
  EXPECT_EQ(customers->size(), 2357U);
  std::size_t purchases = 0;
  for (const auto& customer : *customers) {
    purchases += customer.purchases.size();
    EXPECT_LT(customer.purchases.front().date, Day("1997-04-01")) << customer.id;
  }
  EXPECT_EQ(purchases, 6919U);
}

}  // namespace
