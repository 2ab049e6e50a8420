#include "bw/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>

namespace bw {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using Variables = std::map<std::string, std::string, std::less<>>;

Config load(const Variables& variables, const Flags& flags, SettingsFor use, std::string& problems) {
    const auto environment = [&](std::string_view name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    Config config;
    problems = load_config(environment, flags, use, config);
    return config;
}

Config load(const Variables& variables, const Flags& flags = {}, SettingsFor use = SettingsFor::kWork) {
    std::string problems;
    const Config config = load(variables, flags, use, problems);
    EXPECT_EQ(problems, "");
    return config;
}

std::string problems_of(Variables variables, const Flags& flags = {}) {
    variables.try_emplace("OUTDIR", "/out");
    std::string problems;
    load(variables, flags, SettingsFor::kWork, problems);
    return problems;
}

std::vector<std::string> urls(const std::string& value) {
    return load({{"OUTDIR", "/out"}, {"NATS_URL", value}}).nats_urls;
}

TEST(Config, HasTheProtocolsDefaults) {
    const Config config = load({{"OUTDIR", "/out"}});
    EXPECT_EQ(config.nats_urls, std::vector<std::string>{"nats://127.0.0.1:4222"});
    EXPECT_EQ(config.outdir, "/out");
    EXPECT_EQ(config.stream, "IMAGES");
    EXPECT_EQ(config.consumer, "BW");
    EXPECT_EQ(config.job_timeout, milliseconds(30'000));
    EXPECT_EQ(config.retry_delay, milliseconds(1000));
    EXPECT_EQ(config.log_level, log::Level::kInfo);
}

TEST(Config, FlagsWinOverTheEnvironment) {
    const Config config = load({{"OUTDIR", "/out"}, {"BW_STREAM", "A"}}, {{"--stream", "B"}});
    EXPECT_EQ(config.stream, "B");
}

TEST(Config, EmptyMeansNotSet) {
    EXPECT_EQ(load({{"OUTDIR", "/out"}, {"BW_STREAM", ""}}).stream, "IMAGES");
    EXPECT_EQ(load({{"OUTDIR", "/out"}, {"BW_STREAM", "A"}}, {{"--stream", ""}}).stream, "A");
    EXPECT_THAT(problems_of({{"OUTDIR", ""}}), HasSubstr("OUTDIR is not set"));
}

TEST(Config, OnlyTheWorkerNeedsAnOutdir) { EXPECT_EQ(load({}, {}, SettingsFor::kQueue).outdir, ""); }

TEST(Config, TakesUrlsAsNatsUsersWriteThem) {
    EXPECT_EQ(urls("localhost"), std::vector<std::string>{"nats://localhost:4222"});
    EXPECT_EQ(urls("nats://demo:5222/"), std::vector<std::string>{"nats://demo:5222"});
    EXPECT_EQ(urls("tls://[::1]"), std::vector<std::string>{"tls://[::1]:4222"});
    EXPECT_EQ(urls("a, b:1 ,nats://c"),
              (std::vector<std::string>{"nats://a:4222", "nats://b:1", "nats://c:4222"}));
    EXPECT_EQ(urls("u:p@a,u:p@b"), (std::vector<std::string>{"nats://a:4222", "nats://b:4222"}));
}

TEST(Config, TakesTheUserOutOfTheUrl) {
    const auto user = [](const char* url) { return load({{"OUTDIR", "/out"}, {"NATS_URL", url}}).nats_user; };
    EXPECT_EQ(user("nats://me:p%40ss%3A@a"), (NatsUser{"me", "p@ss:", ""}));
    EXPECT_EQ(user("nats://me:p@ss@a"), (NatsUser{"me", "p@ss", ""}));
    EXPECT_EQ(user("t0ken@a,b"), (NatsUser{"", "", "t0ken"}));
    EXPECT_EQ(user("a"), NatsUser{});
}

TEST(Config, RefusesUrlsThatAreNone) {
    for (const char* url :
         {"ht!tp://", "nats://", "nats://a b", "http://a", "a:0", "a:65536", "a:x", ",a", ",", "a,,", "a,,b",
          "nats://@a", "u%zz:p@a", "u:p@a,v:p@b", "u:1,2@b", "a,u:p@b", "nats://a/b", "[::1", "a:"}) {
        EXPECT_THAT(problems_of({{"NATS_URL", url}}), HasSubstr("invalid NATS_URL")) << url;
    }
}

TEST(Config, NeverShowsASecret) {
    EXPECT_THAT(problems_of({{"NATS_URL", "nats://me:hunter2@a b"}}), Not(HasSubstr("hunter2")));
    EXPECT_THAT(problems_of({{"NATS_URL", "nats://me:hunter2@a,nats://me:hunter3@b c"}}),
                testing::AllOf(Not(HasSubstr("hunter2")), Not(HasSubstr("hunter3"))));
    EXPECT_EQ(redact_url("nats://me:hun@ter2@a:4222"), "nats://***@a:4222");
    EXPECT_EQ(redact_url("token@a"), "***@a");
    EXPECT_EQ(redact_url("nats://a:4222"), "nats://a:4222");
}

TEST(Config, ReportsAllWrongValuesAtOnce) {
    const auto text = problems_of(
        {{"BW_JOB_TIMEOUT", "abc"}, {"BW_LOG_LEVEL", "loud"}, {"BW_STREAM", "a.b"}, {"OUTDIR", ""}});
    EXPECT_THAT(text,
                HasSubstr(R"(invalid BW_JOB_TIMEOUT "abc" (format: a duration such as 500ms, 30s or 2m))"));
    EXPECT_THAT(text, HasSubstr(R"(invalid BW_LOG_LEVEL "loud" (format: debug, info, warn or error))"));
    EXPECT_THAT(text, HasSubstr(R"(invalid BW_STREAM "a.b")"));
    EXPECT_THAT(text, HasSubstr("OUTDIR is not set"));
}

TEST(Config, ReadsDurations) {
    const auto timeout = [](const char* text) {
        return load({{"OUTDIR", "/o"}, {"BW_JOB_TIMEOUT", text}}).job_timeout;
    };
    EXPECT_EQ(timeout("500ms"), milliseconds(500));
    EXPECT_EQ(timeout("2m"), milliseconds(120'000));
    EXPECT_EQ(timeout("1h"), milliseconds(3'600'000));
    for (const char* text :
         {"0", "-1s", "1", "s", "1 s", "1d", "99999999999999999999s", "9000000000h", "1.5s"}) {
        EXPECT_NE(problems_of({{"BW_JOB_TIMEOUT", text}}), "") << text;
    }
    EXPECT_EQ(load({{"OUTDIR", "/o"}, {"BW_RETRY_DELAY", "0"}}).retry_delay, milliseconds(0));
}

TEST(Config, ReadsSizesAndCounts) {
    const auto size = [](const char* text) {
        return load({{"OUTDIR", "/o"}, {"BW_MAX_FILE_SIZE", text}}).max_file_bytes;
    };
    EXPECT_EQ(size("5"), 5U);
    EXPECT_EQ(size("3KiB"), 3072U);
    EXPECT_EQ(size("256MiB"), 268'435'456U);
    EXPECT_EQ(size("1GiB"), 1'073'741'824U);
    for (const char* text : {"0", "-1", "MiB", "1 MiB", "1MB", "1M", "1.5GiB", "0x10", "99999999999999999999",
                             "9999999999GiB"}) {
        EXPECT_NE(problems_of({{"BW_MAX_FILE_SIZE", text}}), "") << text;
        EXPECT_NE(problems_of({{"BW_MAX_MEMORY", text}}), "") << text;
    }
    EXPECT_EQ(load({{"OUTDIR", "/o"}, {"BW_MAX_PIXELS", "100M"}}).max_pixels, 100'000'000U);
    EXPECT_EQ(load({{"OUTDIR", "/o"}, {"BW_MAX_FRAMES", "20"}}).max_frames, 20U);
    EXPECT_THAT(
        problems_of({{"BW_MAX_PIXELS", "1MiB"}}),
        HasSubstr(R"(invalid BW_MAX_PIXELS "1MiB" (format: a number such as 1000 or 50M, at most 1G))"));
    EXPECT_EQ(load({{"OUTDIR", "/o"}, {"BW_MAX_PIXELS", "1G"}}).max_pixels, 1'000'000'000U);
    EXPECT_NE(problems_of({{"BW_MAX_PIXELS", "1000000001"}}), "");
}

TEST(Config, HasLimitsByDefault) {
    const Config config = load({{"OUTDIR", "/out"}});
    EXPECT_EQ(config.max_pixels, 50'000'000U);
    EXPECT_EQ(config.max_frames, 1000U);
    EXPECT_EQ(config.max_file_bytes, 268'435'456U);
    EXPECT_EQ(config.min_free_bytes, 67'108'864U);
    EXPECT_EQ(config.max_memory_bytes, 1'073'741'824U);
}

TEST(Config, ReadsListsOfFormats) {
    const auto formats = [](const char* text) {
        return load({{"OUTDIR", "/o"}, {"BW_FORMATS", text}}).formats;
    };
    EXPECT_EQ(formats("jpeg, png"), (std::vector<std::string>{"jpeg", "png"}));
    for (const char* text : {",", "jpeg,", "jpeg,,png", " "}) {
        EXPECT_THAT(problems_of({{"BW_FORMATS", text}}), HasSubstr("invalid BW_FORMATS")) << text;
    }
}

TEST(Config, ReadsInputRoots) {
    EXPECT_TRUE(load({{"OUTDIR", "/o"}}).input_roots.empty());
    EXPECT_EQ(load({{"OUTDIR", "/o"}, {"BW_INPUT_ROOTS", "/a:/b, c/..d/"}}).input_roots,
              (std::vector<std::string>{"/a", "/b, c/..d/"}));
    for (const char* text : {":", "/a:", "a", "/a:b", "/a/../b", "/a/..", "/.."}) {
        EXPECT_THAT(problems_of({{"BW_INPUT_ROOTS", text}}), HasSubstr("invalid BW_INPUT_ROOTS")) << text;
    }
}

TEST(Config, KnowsTheDithers) {
    const auto dither = [](const char* text) { return load({{"OUTDIR", "/o"}, {"BW_DITHER", text}}).dither; };
    EXPECT_EQ(load({{"OUTDIR", "/o"}}).dither, Dither::kRiemersma);
    EXPECT_EQ(dither("none"), Dither::kNone);
    EXPECT_EQ(dither("floyd-steinberg"), Dither::kFloydSteinberg);
    EXPECT_THAT(problems_of({{"BW_DITHER", "ordered"}}), HasSubstr("invalid BW_DITHER \"ordered\""));
}

TEST(Config, ReadsNumbersOfWorkers) {
    const auto workers = [](const char* text) {
        return load({{"OUTDIR", "/o"}, {"BW_WORKERS", text}}).workers;
    };
    EXPECT_EQ(workers(""), std::nullopt);
    EXPECT_EQ(workers("1"), 1U);
    EXPECT_EQ(workers("256"), 256U);
    EXPECT_EQ(workers("auto"), 0U);
    EXPECT_EQ(workers("AUTO"), 0U);
    for (const char* text : {"0", "257", "-1", "2x", "automatic", "1.5"}) {
        EXPECT_THAT(problems_of({{"BW_WORKERS", text}}),
                    HasSubstr("(format: a number from 1 to 256, or auto)"))
            << text;
    }
}

TEST(Config, FilesThatGoTogether) {
    EXPECT_NE(problems_of({{"BW_TLS_CERT", "/c"}}), "");
    EXPECT_NE(problems_of({{"BW_CREDS", "/c"}, {"BW_NKEY", "/n"}}), "");
    EXPECT_EQ(problems_of({{"BW_TLS_CERT", "/c"}, {"BW_TLS_KEY", "/k"}}), "");
}

TEST(Config, ReadsWhereThePageIsServed) {
    const auto refused = [](const std::string& value) {
        return problems_of({{"BW_METRICS", value}, {"BW_WORKERS", "2"}}) != "";
    };
    for (const char* good : {"127.0.0.1:9464", "[::]:9464", "[::1]:1", ":9464", ":0", "localhost:65535"})
        EXPECT_FALSE(refused(good)) << good;
    for (const char* bad : {"9464", "127.0.0.1", "127.0.0.1:", ":65536", ":-1", "::1:9464", "http://a:9464",
                            "a b:1", "+9464", "1,2:3", ":1s", ":1:2"})
        EXPECT_TRUE(refused(bad)) << bad;
    EXPECT_THAT(problems_of({{"BW_METRICS", ":0"}}), HasSubstr("BW_WORKERS is not set"));
    EXPECT_EQ(load({{"BW_METRICS", ":0"}}, {}, SettingsFor::kQueue).metrics_address, ":0");
}

// Each: the variable, a value that is nearly right, and what was meant.
constexpr std::array<std::array<const char*, 3>, 26> kNearlyRight{{
    {"BW_JOB_TIMEOUT", "30", "did you mean 30s?"},
    {"BW_JOB_TIMEOUT", "30 s", "did you mean 30s?"},
    {"BW_JOB_TIMEOUT", "30S", "did you mean 30s?"},
    {"BW_JOB_TIMEOUT", "5min", "did you mean 5m?"},
    {"BW_JOB_TIMEOUT", "2 hours", "did you mean 2h?"},
    {"BW_JOB_TIMEOUT", "1d", "did you mean 24h?"},
    {"BW_JOB_TIMEOUT", "8761h", "at most 8760h"},
    {"BW_RETRY_DELAY", "10", "did you mean 10s?"},
    {"BW_MAX_MEMORY", "1GB", "did you mean 1GiB?"},
    {"BW_MAX_MEMORY", "1gib", "did you mean 1GiB?"},
    {"BW_MAX_FILE_SIZE", "10MB", "did you mean 10MiB?"},
    {"BW_MAX_FILE_SIZE", "10 M", "did you mean 10MiB?"},
    {"BW_MAX_FILE_SIZE", "2tb", "did you mean 2048GiB?"},
    {"BW_MAX_FILE_SIZE", "99999999999999999999", "at most 1048576GiB"},
    {"BW_MAX_PIXELS", "50m", "did you mean 50M?"},
    {"BW_MAX_PIXELS", "2G", "at most 1G"},
    {"BW_DITHER", "riemersa", "did you mean riemersma?"},
    {"BW_LOG_LEVEL", "inf", "did you mean info?"},
    {"BW_METRICS", "9464", "did you mean :9464?"},
    {"BW_METRICS", "*:9464", "did you mean :9464?"},
    {"BW_STREAM", "IMAGES.>", "did you mean IMAGES?"},
    {"BW_FORMATS", "jpeg png", "a comma stands between two names"},
    {"BW_INPUT_ROOTS", "/a,/b", "a colon stands between two directories, not a comma"},
    {"NATS_URL", "ws://a", "the schemes are nats:// and tls://"},
    {"OUTDIR", "~/out", "the shell did not replace ~ by a home directory"},
    {"OUTDIR", "/out ", "a blank stands before or after the path"},
}};

TEST(Config, NamesWhatWasMeant) {
    for (const auto& [variable, value, meant] : kNearlyRight) {
        const std::string wrong = std::string("invalid ") + variable + " \"" + value + "\": " + meant;
        EXPECT_THAT(problems_of({{variable, value}}), HasSubstr(wrong));
    }
}

TEST(Config, TakesWordsInWhateverCase) {
    const Config config = load({{"OUTDIR", "/o"},
                                {"BW_DITHER", "RIEMERSMA"},
                                {"BW_LOG_LEVEL", "Debug"},
                                {"BW_LOG_FORMAT", "JSON"},
                                {"BW_FORMATS", "JPEG,Png"}});
    EXPECT_EQ(config.log_level, log::Level::kDebug);
    EXPECT_EQ(config.log_format, log::Format::kJson);
    EXPECT_EQ(config.formats, (std::vector<std::string>{"jpeg", "png"}));
}

TEST(Config, TakesEveryWordForOnAndOff) {
    const auto sandbox = [](const char* text) {
        return load({{"OUTDIR", "/o"}, {"BW_SANDBOX", text}}).sandbox;
    };
    for (const char* text : {"on", "ON", "true", "Yes", "1"}) EXPECT_TRUE(sandbox(text)) << text;
    for (const char* text : {"off", "Off", "false", "NO", "0"}) EXPECT_FALSE(sandbox(text)) << text;
    EXPECT_THAT(problems_of({{"BW_SANDBOX", "2"}}), HasSubstr("(format: on or off)"));
}

TEST(Config, TakesNoNoticeOfBlanksAroundAValue) {
    EXPECT_EQ(load({{"OUTDIR", "/o"}, {"BW_JOB_TIMEOUT", " 2m\n"}}).job_timeout, milliseconds(120'000));
    EXPECT_EQ(urls(" nats://a \n"), std::vector<std::string>{"nats://a:4222"});
}

TEST(Config, TakesUrlsThatAreWrittenALittleOtherwise) {
    EXPECT_EQ(urls("NATS://a,Tls://b"), (std::vector<std::string>{"nats://a:4222", "tls://b:4222"}));
    EXPECT_EQ(urls("a,b,"), (std::vector<std::string>{"nats://a:4222", "nats://b:4222"}));
    EXPECT_EQ(urls("a,\nb ,\n"), (std::vector<std::string>{"nats://a:4222", "nats://b:4222"}));
}

TEST(Config, NamesVariablesThatAreNoSettings) {
    EXPECT_EQ(unknown_settings({"HOME", "OUTDIR", "BW_STREAM", "XBW_X"}), std::vector<std::string>{});
    EXPECT_EQ(unknown_settings({"BW_MAXPIXELS", "BW_DITHERING", "BW_OUTDIR", "BW_NATS_URL", "BW_COLOUR"}),
              (std::vector<std::string>{"BW_COLOUR is no setting",
                                        "BW_DITHERING is no setting; did you mean BW_DITHER?",
                                        "BW_MAXPIXELS is no setting; did you mean BW_MAX_PIXELS?",
                                        "BW_NATS_URL is no setting; did you mean NATS_URL?",
                                        "BW_OUTDIR is no setting; did you mean OUTDIR?"}));
}

TEST(Config, IsDocumentedRowByRow) {
    std::ostringstream page;
    page << std::ifstream(BW_SOURCE_DIR "/docs/settings.md").rdbuf();
    for (const Setting& setting : settings()) {
        std::ostringstream row;
        row << "| `" << setting.variable << "` | `" << setting.flag << "` |";
        if (!setting.fallback.empty()) row << " `" << setting.fallback << "`";
        row << " | " << setting.meaning << " |";
        EXPECT_THAT(page.str(), HasSubstr(row.str()));
    }
}

}  // namespace
}  // namespace bw
