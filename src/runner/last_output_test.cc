#include "runner/last_output.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace busker::runner {
namespace {

OutputTail Tail(std::initializer_list<std::string_view> pieces) {
  OutputTail tail;
  for (const std::string_view piece : pieces) tail.Add(piece);
  return tail;
}

// Of a program that writes all to one stream, as a shell's 2>&1 makes it.
std::string Last(std::string_view text) { return LastOutput(OutputTail(), Tail({text})); }

TEST(LastOutput, IsTheLastLineThatIsNotBlank) {
  EXPECT_EQ(Last("one\ntwo\n"), "two");
  EXPECT_EQ(Last("one\ntwo\n\n  \n"), "two");
  EXPECT_EQ(Last("one\ntwo"), "two");
  EXPECT_EQ(Last(""), "");
  EXPECT_EQ(Last("\n\n"), "");
}

// An old line that a program had buffered, and wrote behind its error, was told as the reason.
TEST(LastOutput, IsTheLastLineOfTheErrorsWhenThereAreAny) {
  const auto all = Tail({"no such column: tenure\nloading\ncleaning up\n"});
  EXPECT_EQ(LastOutput(Tail({"warming up\nno such column: tenure\n"}), all),
            "no such column: tenure");
  EXPECT_EQ(LastOutput(Tail({"\n \n"}), all), "cleaning up");
}

TEST(LastOutput, IsWholeWhereverTheOutputIsCut) {
  const std::string_view output = "a line\nKeyError: 'tenure'\r\n";
  for (std::size_t i = 0; i <= output.size(); ++i) {
    EXPECT_EQ(LastOutput({}, Tail({output.substr(0, i), output.substr(i)})), "KeyError: 'tenure'");
  }
}

// The first states of a progress bar were told as the reason, and not what stood there in the end.
TEST(LastOutput, OfALineThatWasRestartedIsWhatStandsThereInTheEnd) {
  std::string bar;
  for (int step = 1; step <= 5000; ++step) bar += "\rstep " + std::to_string(step) + "/5000";
  EXPECT_EQ(Last(bar + "\rCUDA out of memory"), "CUDA out of memory");
  EXPECT_EQ(Last(bar + "\rCUDA out of memory\r"), "CUDA out of memory");
  EXPECT_EQ(Last(bar + "\rCUDA out of memory\r\n"), "CUDA out of memory");
  EXPECT_EQ(Last(bar + "\r           \r"), "step 5000/5000");
  EXPECT_EQ(Last(bar + "\nCUDA out of memory\n" + bar + "\r\x1b[K\n"), "step 5000/5000");
  EXPECT_EQ(Last("\x1b[1;31mError:\x1b[0m no \x1b]0;title\ascheme\x1b[K\n"), "Error: no scheme");
}

// Of an error of several lines the last was told, which says nothing alone.
TEST(LastOutput, OfATracebackIsTheExceptionWithItsWholeMessage) {
  EXPECT_EQ(Last("loading\nTraceback (most recent call last):\n"
                 "  File \"/m.py\", line 1, in <module>\n"
                 "    raise ValueError(\"bad\\nthing\")\n"
                 "    ~~~~~~^^^^\n"
                 "ValueError: bad\nthing\n"),
            "ValueError: bad\nthing");
  EXPECT_EQ(
      Last("Traceback (most recent call last):\n  File \"/m.py\", line 1\nKeyboardInterrupt\n"),
      "KeyboardInterrupt");
  EXPECT_EQ(Last("Traceback (most recent call last):\n  File \"/m.py\", line 1\n"
                 "  [Previous line repeated 993 more times]\n"
                 "RecursionError: maximum recursion depth exceeded\n"),
            "RecursionError: maximum recursion depth exceeded");
  EXPECT_EQ(Last(" 50%|###   | 5/10\rTraceback (most recent call last):\n  File \"/m.py\", line 1\n"
                 "sqlalchemy.exc.DBAPIError: no\n[SQL: SELECT 1\nFROM t: x]\n"),
            "sqlalchemy.exc.DBAPIError: no\n[SQL: SELECT 1\nFROM t: x]");
  EXPECT_EQ(
      Last("  File \"/m.py\", line 1\n    def f(\n         ^\nSyntaxError: '(' was never closed\n"),
      "SyntaxError: '(' was never closed");
}

TEST(LastOutput, OfAChainOfExceptionsIsTheLast) {
  for (const std::string_view link :
       {"During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:"}) {
    EXPECT_EQ(
        Last("Traceback (most recent call last):\n  File \"/m.py\", line 1\nKeyError: 'a'\n\n" +
             std::string(link) +
             "\n\nTraceback (most recent call last):\n  File \"/m.py\", line 3\n"
             "models.Broken: no a\n"),
        "models.Broken: no a");
  }
}

TEST(LastOutput, OfAGroupOfExceptionsIsAllOfThem) {
  EXPECT_EQ(Last("  + Exception Group Traceback (most recent call last):\n"
                 "  |   File \"/m.py\", line 1, in <module>\n"
                 "  |     raise ExceptionGroup(\"two failed\", errors)\n"
                 "  | ExceptionGroup: two failed (2 sub-exceptions)\n"
                 "  +-+---------------- 1 ----------------\n"
                 "    | Traceback (most recent call last):\n"
                 "    |   File \"/m.py\", line 2, in f\n"
                 "    | ValueError: 1\n"
                 "    +---------------- 2 ----------------\n"
                 "    | TypeError: b\n"
                 "    +------------------------------------\n"),
            "ExceptionGroup: two failed (2 sub-exceptions)\nValueError: 1\nTypeError: b");
}

TEST(LastOutput, PassesOverWhatPythonIgnoredAndWhatFramesIt) {
  EXPECT_EQ(Last("Traceback (most recent call last):\n  File \"/m.py\", line 1\nKeyError: 'a'\n"
                 "Exception ignored in: <function Pool.__del__>\n"
                 "Traceback (most recent call last):\n  File \"/p.py\", line 1\nOSError: closed\n")
                .substr(0, 13),
            "KeyError: 'a'");
  EXPECT_EQ(Last("[rank0]: Traceback (most recent call last):\n[rank0]:   File \"/m.py\", line 1\n"
                 "[rank0]: ValueError: bad\n[rank0]: thing\n"),
            "ValueError: bad\nthing");
  EXPECT_EQ(Last("ValueError          Traceback (most recent call last)\nCell In[1], line 1\n"
                 "----> 1 raise ValueError(\"bad\")\n\nValueError: bad\nthing\n"),
            "ValueError: bad\nthing");
}

TEST(LastOutput, OfOtherLanguagesIsTheErrorWithoutTheCalls) {
  EXPECT_EQ(Last("reading\nError in f(x) : object 'y' not found\nCalls: f\nExecution halted\n"),
            "Error in f(x) : object 'y' not found");
  EXPECT_EQ(
      Last("Error in `mutate()`:\n! object 'z' not found\nBacktrace:\n 1. f\nExecution halted\n"),
      "Error in `mutate()`:\n! object 'z' not found");
  EXPECT_EQ(Last("INFO start\nException in thread \"main\" java.lang.IllegalStateException: outer\n"
                 "\tat Foo.main(Foo.java:5)\nCaused by: java.lang.RuntimeException: inner\n"
                 "\tat Foo.f(Foo.java:9)\n\t... 1 more\n"),
            "Exception in thread \"main\" java.lang.IllegalStateException: outer\n"
            "Caused by: java.lang.RuntimeException: inner");
  EXPECT_EQ(Last("/x/y.js:3\nthrow new Error(\"bad\");\n^\n\nError: bad\nthing\n"
                 "    at Object.<anonymous> (/x/y.js:3:7)\n    at node:internal/main:1\n\n"
                 "Node.js v18.19.0\n"),
            "Error: bad\nthing");
  EXPECT_EQ(Last("Unhandled exception. System.Exception: bad\n   at Program.Main()\n"),
            "Unhandled exception. System.Exception: bad");
  EXPECT_EQ(Last("panic: runtime error: index out of range [5]\n\ngoroutine 1 [running]:\n"
                 "main.main()\n\t/tmp/x.go:8 +0x1d\nexit status 2\n"),
            "panic: runtime error: index out of range [5]");
  EXPECT_EQ(Last("thread 'main' panicked at src/main.rs:2:5:\nno rows\n"
                 "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"),
            "thread 'main' panicked at src/main.rs:2:5:\nno rows");
  EXPECT_EQ(Last("x.rb:1:in `f': bad (RuntimeError)\n\tfrom x.rb:2:in `<main>'\n"),
            "x.rb:1:in `f': bad (RuntimeError)");
  EXPECT_EQ(Last("terminate called after throwing an instance of 'std::runtime_error'\n"
                 "  what():  bad\nAborted\n"),
            "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad");
  EXPECT_EQ(Last("ERROR: LoadError: bad\nStacktrace:\n [1] top-level scope\n"),
            "ERROR: LoadError: bad");
}

TEST(LastOutput, StaysShortAndSaysWhatIsCut) {
  const std::string line = Last("ValueError: begins " + std::string(200'000, 'x') + " ends\n");
  EXPECT_LT(line.size(), 1'100U);
  EXPECT_TRUE(line.starts_with("ValueError: begins xxx")) << line;
  EXPECT_TRUE(line.ends_with("xxx ends")) << line;
  EXPECT_NE(line.find(" bytes cut ...]"), std::string::npos) << line;
  const std::string two = LastOutput(
      {}, Tail({"begins" + std::string(100'000, 'x'), std::string(100'000, 'y') + "ends\n"}));
  EXPECT_LT(two.size(), 1'100U);
  EXPECT_TRUE(two.starts_with("beginsxx")) << two;
  EXPECT_TRUE(two.ends_with("yyends")) << two;
  std::string euros;
  for (int i = 0; i < 1000; ++i) euros += "€";
  EXPECT_EQ(Last(euros).find("\\x"), std::string::npos);
}

TEST(LastOutput, IsSafeToShow) {
  EXPECT_EQ(Last("bad \xff byte, \xe2\x80\xae turned, \x1b[2J wiped\n"),
            "bad \\xff byte, \\xe2\\x80\\xae turned,  wiped");
}

}  // namespace
}  // namespace busker::runner
