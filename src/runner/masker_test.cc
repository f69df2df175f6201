#include "runner/masker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "runner/masker_judge.h"
#include "runner/secret_forms.h"

namespace busker::runner {
namespace {

// The text as a stream in pieces that end at `ends`.
std::string InPieces(const Patterns& patterns, const std::string& text,
                     const std::vector<std::size_t>& ends) {
  std::string masked;
  MaskedStream stream(patterns);
  const auto use = [&](std::string_view bytes) { masked += bytes; };
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    stream.Add(std::string_view(text).substr(begin, end - begin), use);
    begin = end;
  }
  stream.Add(std::string_view(text).substr(begin), use);
  stream.End(use);
  return masked;
}

std::vector<std::string> FormsOfAll(const std::vector<std::string>& secrets) {
  std::vector<std::string> all;
  for (const std::string& secret : secrets) {
    for (std::string& form : FormsOf(secret)) all.push_back(std::move(form));
  }
  return all;
}

TEST(Masker, LetsAnythingPassWithoutPatterns) {
  const Patterns none;
  EXPECT_TRUE(none.empty());
  const std::string text = "anything at all";
  MaskedStream stream(none);
  const char* seen = nullptr;
  stream.Add(text, [&](std::string_view bytes) { seen = bytes.data(); });
  EXPECT_EQ(seen, text.data()) << "the bytes themselves, not a copy";
}

TEST(Masker, MasksAPatternWhereverItStands) {
  const Patterns patterns(std::vector<std::string>{"hunter2!"});
  EXPECT_EQ(Masked(patterns, "hunter2!"), "***");
  EXPECT_EQ(Masked(patterns, "a hunter2! b hunter2!hunter2! c"), "a *** b ****** c");
  EXPECT_EQ(Masked(patterns, "hunter2hunter2!"), "hunter2***");
  EXPECT_EQ(Masked(patterns, "hhunter2"), "hhunter2");
}

TEST(Masker, MakesOneMaskOfPatternsThatOverlap) {
  const Patterns patterns(std::vector<std::string>{"abcdef", "efghij", "bcd", "cdefgh"});
  EXPECT_EQ(Masked(patterns, "xabcdefghijx"), "x***x");
  EXPECT_EQ(Masked(patterns, "xbcdx"), "x***x");
  EXPECT_EQ(Masked(patterns, "abcdeabcdef"), "a***e***");
}

TEST(Masker, HoldsBackOnlyWhatMayBecomeAPattern) {
  const Patterns patterns(std::vector<std::string>{"hunter2!"});
  MaskedStream stream(patterns);
  std::string shown;
  const auto use = [&](std::string_view bytes) { shown += bytes; };
  stream.Add("progress 42% h", use);
  EXPECT_EQ(shown, "progress 42% ");
  stream.Add("un", use);
  EXPECT_EQ(shown, "progress 42% ");
  stream.Add("d", use);
  EXPECT_EQ(shown, "progress 42% hund");
  stream.Add("hunter2", use);
  stream.End(use);
  EXPECT_EQ(shown, "progress 42% hundhunter2");
}

TEST(Masker, AgreesWithTheJudgeOnRandomTextsInRandomPieces) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto up_to = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  constexpr int kTexts = 1000, kChunkings = 100;  // of each
  for (int round = 0; round < kTexts; ++round) {
    const std::size_t letters = 1 + up_to(2);  // few, so that patterns meet
    const auto word = [&](std::size_t size) {
      std::string text;
      for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + up_to(letters));
      return text;
    };
    std::vector<std::string> all(1 + up_to(5));
    for (std::string& pattern : all) pattern = word(2 + up_to(7));
    const std::string text = word(up_to(60));
    const std::string expected = Judge(all, text);
    const Patterns patterns(all);
    for (int i = 0; i < kChunkings; ++i) {
      std::vector<std::size_t> ends(up_to(8));
      for (std::size_t& end : ends) end = up_to(text.size());
      std::sort(ends.begin(), ends.end());
      ASSERT_EQ(InPieces(patterns, text, ends), expected) << "of " << text;
    }
  }
}

TEST(Masker, AgreesWithTheJudgeOnSecretsInAllTheirForms) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto up_to = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  const std::vector<std::string> forms = FormsOfAll(
      {"correct horse/battery+staple", "p\xC3\xA4ss\"w\\rd", "first line\nsecond-line\nx\n",
       std::string("\x00\x01\xFF\xFE binary", 11), "aaaaaaaaaa"});
  const Patterns patterns(forms);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (std::size_t i = up_to(12); i > 0; --i) {
      const std::string& form = forms[up_to(forms.size() - 1)];
      text += up_to(3) == 0 ? form.substr(up_to(form.size())) : form;
      if (up_to(1) == 0) text += "some text=\"";
    }
    const std::string expected = Judge(forms, text);
    std::vector<std::size_t> ends(up_to(20));
    for (std::size_t& end : ends) end = up_to(text.size());
    std::sort(ends.begin(), ends.end());
    ASSERT_EQ(InPieces(patterns, text, ends), expected);
    for (std::size_t i = 0; i < text.size(); ++i) ends.push_back(i);
    std::sort(ends.begin(), ends.end());
    ASSERT_EQ(InPieces(patterns, text, ends), expected) << "byte by byte";
  }
}

std::string MaskedIn(std::string_view secret, const std::string& text) {
  return Masked(Patterns(FormsOf(secret)), text);
}

TEST(SecretForms, KnowBase64OnItsOwnAndInsideOfMore) {
  const std::string secret = "hunter2-is-it";
  EXPECT_EQ(MaskedIn(secret, "aHVudGVyMi1pcy1pdA=="), "***");
  EXPECT_EQ(MaskedIn(secret, "aHVudGVyMi1pcy1pdA"), "***");
  // Of "hunter2-is-it#", with nothing, ":", "u:" and "usr:" before it.
  EXPECT_EQ(MaskedIn(secret, "aHVudGVyMi1pcy1pdCM="), "***CM=");
  EXPECT_EQ(MaskedIn(secret, "Omh1bnRlcjItaXMtaXQj"), "Om***Qj");
  EXPECT_EQ(MaskedIn(secret, "dTpodW50ZXIyLWlzLWl0Iw=="), "dTp***Iw==");
  EXPECT_EQ(MaskedIn(secret, "dXNyOmh1bnRlcjItaXMtaXQj"), "dXNyOm***Qj");
}

TEST(SecretForms, KnowBothAlphabetsOfBase64) {
  const std::string secret = "p\xC3\xA4>?~ss/w\"rd";
  EXPECT_EQ(MaskedIn(secret, "cMOkPj9+c3MvdyJyZA=="), "***");
  EXPECT_EQ(MaskedIn(secret, "cMOkPj9-c3MvdyJyZA"), "***");
}

TEST(SecretForms, KnowHexInSmallAndCapitalLetters) {
  EXPECT_EQ(MaskedIn("hunter2\xAB", "68756e74657232ab 68756E74657232AB"), "*** ***");
}

TEST(SecretForms, KnowPercentEncodingInItsManners) {
  EXPECT_EQ(MaskedIn("a b/c~d+\xC3\xA9",
                     "a%20b/c~d%2B%C3%A9 a+b%2Fc~d%2B%C3%A9 a%20b%2fc~d%2b%c3%a9 "
                     "a+b%2Fc%7Ed%2B%C3%A9"),
            "*** *** *** ***");
}

TEST(SecretForms, KnowTheEscapesOfJson) {
  EXPECT_EQ(MaskedIn("a\"b\\c\n/\xC3\xA9\xF0\x9F\x98\x80\x01",
                     R"("a\"b\\c\n/\u00e9\ud83d\ude00\u0001" "a\"b\\c\n\/)"
                     "\xC3\xA9\xF0\x9F\x98\x80"
                     R"(\u0001" "a\"b\\c\n/\u00E9\uD83D\uDE00\u0001")"),
            R"("***" "***" "***")");
}

TEST(SecretForms, KnowTheLinesOfASecretAndWhatStandsBetweenBlanks) {
  const std::string secret = "-----BEGIN KEY-----\r\nMIIEvQIBADAN\r\nab\r\n-----END KEY-----\n";
  EXPECT_EQ(MaskedIn(secret, "x MIIEvQIBADAN y"), "x *** y");
  EXPECT_EQ(MaskedIn(secret, secret), "***");
  EXPECT_EQ(MaskedIn(secret, "ab"), "ab") << "a line of two characters is found everywhere";
  EXPECT_EQ(MaskedIn("  padded secret\t", "'padded secret'"), "'***'");
}

TEST(SecretForms, KnowTheLinesThatToolsMakeOfLongOnes) {
  std::string secret;
  for (int i = 0; i < 100; ++i) secret += static_cast<char>('!' + i % 90);
  const Patterns patterns(FormsOf(secret));
  for (const std::size_t length : {60u, 64u, 76u}) {
    std::string hex, wrapped;
    for (const char c : secret) {
      constexpr char kDigits[] = "0123456789abcdef";
      hex += {kDigits[static_cast<unsigned char>(c) >> 4], kDigits[c & 15]};
    }
    for (std::size_t at = 0; at < hex.size(); at += length) {
      wrapped += hex.substr(at, length) + "\n";
    }
    const std::string masked = Masked(patterns, wrapped);
    EXPECT_EQ(masked.find_first_not_of("*\n"), std::string::npos) << masked;
  }
}

// As mail does it, and base64 by itself: a line ended within the secret, which was shown whole.
TEST(SecretForms, KnowBase64WhereALineEndsWithinTheSecret) {
  const std::string secret = "correct-horse-battery-staple-4711-and-some-more-of-it";
  const Patterns patterns(FormsOf(secret));
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t before = 0; before < 80; ++before) {
    const std::string text = std::string(before, ':') + secret + std::string(40, '#');
    std::string encoded;
    for (std::size_t i = 0; i + 2 < text.size(); i += 3) {
      const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
      const unsigned bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
      for (const unsigned shift : {18u, 12u, 6u, 0u}) encoded += kDigits[bits >> shift & 63];
    }
    std::string wrapped;
    for (std::size_t at = 0; at < encoded.size(); at += 76) {
      wrapped += encoded.substr(at, 76) + "\n";
    }
    // The characters that the secret alone decides, but for four at the end of a line.
    const std::string core = encoded.substr((before * 8 + 5) / 6, secret.size() * 8 / 6 - 1);
    const std::string masked = Masked(patterns, wrapped);
    for (std::size_t at = 0; at + 6 <= core.size(); ++at) {
      EXPECT_EQ(masked.find(core.substr(at, 6)), std::string::npos) << before << ": " << masked;
    }
  }
}

// The commonest accidents: a trace of the shell, a value printed to look at, a page.
TEST(SecretForms, KnowHowShellsAndPythonAndPagesWriteThem) {
  const std::string secret = "it's a \"key\" \\ <&>";
  EXPECT_EQ(MaskedIn(secret, R"(+ echo 'it'\''s a "key" \ <&>')"), "+ echo '***'");
  EXPECT_EQ(MaskedIn(secret, R"(it\'s\ a\ \"key\"\ \\\ \<\&\>)"), "***");
  EXPECT_EQ(MaskedIn(secret, R"('it\'s a "key" \\ <&>')"), "'***'");
  EXPECT_EQ(MaskedIn(secret, "it&#x27;s a &quot;key&quot; \\ &lt;&amp;&gt;"), "***");
  EXPECT_EQ(MaskedIn(secret, "it's a \"key\" \\ &lt;&amp;&gt;"), "***");
  EXPECT_EQ(MaskedIn("tab\there\nand more", R"($'tab\there\nand more')"), "$'***'");
  EXPECT_EQ(MaskedIn("p\xC3\xA4ss word", R"(b'p\xc3\xa4ss word')"), "b'***'");
  EXPECT_EQ(MaskedIn("hunter2", "68 75 6e 74 65 72 32 and 6875 6e74 6572 32"), "*** and ***");
}

TEST(SecretForms, AreNeverShorterThanCanBeMasked) {
  for (const std::string secret : {"123456", "a\nb\nc\nd", "\xFF\xFF\xFF\xFF\xFF\xFF", "      "}) {
    for (const std::string& form : FormsOf(secret)) EXPECT_GE(form.size(), kSecretBytesMin);
  }
}

}  // namespace
}  // namespace busker::runner
