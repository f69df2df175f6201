// What each key of the service file refuses, and how it says so.
#include "service/keys.h"

#include <gtest/gtest.h>

#include "service/test_folder.h"

namespace busker::service {
namespace {

struct Case {
  const char* text;
  const char* fault;
};

void ExpectFaults(std::initializer_list<Case> cases) {
  for (const auto& [text, fault] : cases) {
    EXPECT_EQ(FaultOf(text), std::string("busker.toml:") + fault) << text;
  }
}

TEST(ServiceFile, SuggestsTheKeyThatWasMeant) {
  ExpectFaults({
      {"[actions.training]\nretries = 1\n  shedule = \"@daily\"\n",
       "3:3: unknown key \"shedule\" in [actions.training], did you mean \"schedule\"?"},
      {"[model]\nenviroment = {}\n",
       "2:1: unknown key \"enviroment\" in [model], did you mean \"environment\"?"},
      {"[action.training]\n",
       "1:2: unknown key \"action\" at the top level, did you mean \"actions\"?"},
      // Of a slip in an action's key at the top level, all keys of the top level were told.
      {"promote_wen = \"auc > 1\"\n",
       "1:1: unknown key \"promote_wen\" at the top level, did you mean \"promote_when\", which "
       "belongs in [actions.NAME]?"},
      {"command = \"x\"\n", "1:1: unknown key \"command\" at the top level; it belongs in [model]"},
      {"[model]\nschedule = \"@daily\"\n",
       "2:1: unknown key \"schedule\" in [model]; it belongs in [actions.NAME]"},
      {"[targets.x]\nqwerty = 1\n",
       "2:1: unknown key \"qwerty\" in [targets.x]; there are executor, image, artifacts, "
       "warehouse, log, service_account, network, subnetwork, public_ip, disk, labels, "
       "keep_on_failure, spot_attempts"},
      {"[actions.application.deliver.\"p.csv\"]\ntable = \"a.b\"\nshema = {}\n",
       "3:1: unknown key \"shema\" in [actions.application.deliver.\"p.csv\"], did you mean "
       "\"schema\"?"},
  });
}

TEST(ServiceFile, SaysWhichTypeAKeyHas) {
  ExpectFaults({
      {"version = 2019-07-01\n",
       "1:11: \"version\" must be a string, such as \"2019-07-01\", not a date or time"},
      {"name = 1\n", "1:8: \"name\" must be a string, such as \"churn\", not the integer 1"},
      {"name = \"\"\n", "1:8: \"name\" must be a string, such as \"churn\", not the string \"\""},
      {"actions = 1\n",
       "1:11: \"actions\" must be a table, such as { training = { schedule = \"@monthly\" } }, not "
       "the "
       "integer 1"},
      {"[actions]\ntraining = true\n", "2:12: [actions.training] must be a table, not true"},
      {"[actions.training]\nretries = 1.5\n",
       "2:11: \"retries\" in [actions.training] must be an integer from 0 to 100, such as 2, not a "
       "number with a fraction"},
      {"[actions.training]\nretries = 101\n",
       "2:11: \"retries\" in [actions.training] must be an integer from 0 to 100, such as 2, not "
       "the "
       "integer 101"},
      {"[actions.training]\npromote = \"yes\"\n",
       "2:11: \"promote\" in [actions.training] must be true or false, such as true, not the "
       "string "
       "\"yes\""},
      {"[actions.training]\nschedule = [\"@daily\"]\n",
       "2:12: \"schedule\" in [actions.training] must be a string, such as \"0 7 * * *\", not an "
       "array"},
      {"[model]\npass_environment = \"X\"\n",
       "2:20: \"pass_environment\" in [model] must be an array of names, such as "
       "[\"HTTPS_PROXY\"], not "
       "the string \"X\""},
      {"[model]\ncommand = \"a\\u0000b\"\n",
       "2:11: \"command\" in [model] must not have a NUL character"},
  });
}

TEST(ServiceFile, RefusesNamesThatCannotBePartOfAPath) {
  for (const std::string name : {"..", "a/b", "A", "-x", "ä", "a b", ".a"}) {
    EXPECT_NE(FaultOf("name = \"" + name + "\"\n").find("is not a valid name"), std::string::npos)
        << name;
    EXPECT_NE(FaultOf("[actions.\"" + name + "\"]\ncommand = \"x\"\n").find("name of an action"),
              std::string::npos)
        << name;
    EXPECT_NE(FaultOf("[targets.\"" + name + "\"]\n").find("name of a target"), std::string::npos)
        << name;
  }
}

TEST(ServiceFile, ChecksCommands) {
  ExpectFaults({
      {"[model]\ncommand = \"run 'x\"\n",
       "2:11: \"command\" in [model]: the command has an open quote (')"},
      {"[model]\ncommand = \"  \"\n", "2:11: \"command\" in [model] names no program"},
      {"[model]\ncommand = \"run ${ACTON}\"\n",
       "2:11: \"command\": unknown placeholder \"${ACTON}\", did you mean \"${ACTION}\"?"},
      {"[actions.training]\ncommand = \"run ${PATH}\"\n",
       "2:11: \"command\": unknown placeholder \"${PATH}\"; there are ACTION, CONFIG, DATE, NAME, "
       "ROOT, RUN, TIMESTAMP, VERSION"},
      {"[actions.training]\nconfig = \"../x.json\"\n",
       "2:10: \"config\": \"../x.json\" must be a path inside the service's folder, without "
       "\"..\""},
      {"[actions.training]\nconfig = \"/etc/passwd\"\n",
       "2:10: \"config\": \"/etc/passwd\" must be a path inside the service's folder, without "
       "\"..\""},
  });
}

TEST(ServiceFile, TellsAFaultOfTheCommonCommandOnce) {
  TestFolder folder;
  folder.Configs({"training", "application"}).File("[model]\ncommand = \"x ${X}\"\n");
  EXPECT_EQ(Validate(folder.root()).size(), 1U);
}

TEST(ServiceFile, ChecksTheEnvironment) {
  ExpectFaults({
      {"[model]\nenvironment = { THREADS = 1 }\n",
       "2:27: environment variable \"THREADS\" must be a string: write \"1\""},
      {"[model]\nenvironment = { THREADS = true }\n",
       "2:27: environment variable \"THREADS\" must be a string, not true"},
      {"[model]\nenvironment = { \"A=B\" = \"x\" }\n",
       "2:17: \"A=B\" cannot be the name of an environment variable: no \"=\", no blanks"},
      {"[model]\nenvironment = { \"A\\u0000\" = \"x\" }\n",
       "2:17: \"A\\x00\" cannot be the name of an environment variable: no \"=\", no blanks"},
      {"[model]\nenvironment = { \"\" = \"x\" }\n",
       "2:17: the name of an environment variable must not be empty"},
      {"[model]\nenvironment = { BUSKER_RUN = \"x\" }\n",
       "2:17: \"BUSKER_RUN\" is set by Busker itself (NAME, VERSION, ACTION, ZONE and BUSKER_...)"},
      {"[model]\nenvironment = { A = \"${HOME}\" }\n",
       "2:21: environment variable \"A\": unknown placeholder \"${HOME}\"; there are ACTION, "
       "CONFIG, DATE, NAME, PATH, ROOT, RUN, TIMESTAMP, VERSION"},
      {"[model]\npass_environment = [\"ZONE\"]\n",
       "2:21: \"ZONE\" is set by Busker itself (NAME, VERSION, ACTION, ZONE and BUSKER_...)"},
  });
  EXPECT_EQ(ServiceOf("[model]\nenvironment = { LD_PRELOAD = \"x\", IFS = \",\", EMPTY = \"\" }\n")
                .environment.size(),
            3U);
}

TEST(ServiceFile, ChecksTimes) {
  ExpectFaults({
      {"[actions.training]\nschedule = \"0 0 30 2 *\"\n",
       "2:12: \"schedule\": cron \"0 0 30 2 *\": day of month: day 30 never comes in month 2"},
      {"[actions.training]\ntime_zone = \"Europe/Stokholm\"\n",
       "2:13: \"time_zone\": unknown time zone \"Europe/Stokholm\", did you mean "
       "\"Europe/Stockholm\"?"},
      {"[actions.training]\ntimeout = \"2\"\n",
       "2:11: \"timeout\" in [actions.training]: \"2\" is not a duration, such as 90s, 15m, 2h or "
       "1h30m"},
      {"[actions.training]\ntimeout = \"0s\"\n",
       "2:11: \"timeout\" must be longer than nothing; leave the key out for no limit"},
      {"[actions.training]\nretry_delay = 5\n",
       "2:15: \"retry_delay\" in [actions.training] must be a string, such as \"30s\", not the "
       "integer "
       "5"},
      {"[actions.training]\nschedule = \"@daily\"\nexpected_by = \"24:00\"\n",
       "3:15: \"expected_by\": \"24:00\" is not a time of day such as \"08:00\""},
      {"[actions.training]\nschedule = \"@daily\"\nexpected_by = \"8:00\"\n",
       "3:15: \"expected_by\": \"8:00\" is not a time of day such as \"08:00\""},
  });
  EXPECT_EQ(FaultOf("[actions.training]\nschedule = \"@daily\"\nexpected_by = \"23:59\"\n"), "");
  EXPECT_EQ(FaultOf("[actions.training]\nexpected_by = \"08:00\"\n"), "");
}

TEST(ServiceFile, ChecksDeliveries) {
  const std::string deliver = "[actions.application.deliver.\"p.csv\"]\n";
  ExpectFaults({
      {"[actions.application.deliver.\"p.csv\"]\nwrite = \"append\"\n",
       "1:30: [actions.application.deliver.\"p.csv\"] needs the key \"table\""},
      {"[actions.application.deliver.\"../p.csv\"]\ntable = \"a.b\"\n",
       "1:30: \"../p.csv\" must be a path inside output/, without \"..\""},
      {"[actions.application.deliver.predictions.csv]\ntable = \"a.b\"\n",
       "1:30: a file name with a dot needs quotes: deliver.\"predictions.csv\""},
      {"[actions.application.deliver]\n\"p.csv\" = \"a.b\"\n",
       "2:11: [actions.application.deliver.\"p.csv\"] must be a table with the key \"table\", not "
       "the "
       "string \"a.b\""},
  });
  const auto fault = [&](const std::string& text) { return FaultOf(deliver + text).substr(12); };
  const std::string no_table =
      " is not a table such as \"churn.predictions\": two names of a-z, 0-9 and \"_\", at most 63 "
      "each, "
      "with a dot between";
  EXPECT_EQ(fault("table = \"predictions\"\n"), "2:9: \"table\": \"predictions\"" + no_table);
  EXPECT_EQ(fault("table = \"a.b.c\"\n"), "2:9: \"table\": \"a.b.c\"" + no_table);
  EXPECT_EQ(fault("table = \"A.b\"\n"), "2:9: \"table\": \"A.b\"" + no_table);
  EXPECT_EQ(fault("table = \"a.${TABLE}\"\n"),
            "2:9: \"table\": unknown placeholder \"${TABLE}\"; there are ACTION, CONFIG, DATE, "
            "NAME, ROOT, RUN, TIMESTAMP, VERSION");
  EXPECT_EQ(
      fault("table = \"a.b\"\nwrite = \"repalce\"\n"),
      "3:9: \"write\" in [actions.application.deliver.\"p.csv\"]: unknown value \"repalce\", did "
      "you mean \"replace\"?");
  EXPECT_EQ(
      fault("table = \"a.b\"\nrows_min = -1\n"),
      "3:12: \"rows_min\" in [actions.application.deliver.\"p.csv\"] must be an integer of 0 or "
      "more, such as 1000, not the integer -1");
  EXPECT_EQ(
      fault("table = \"a.b\"\nschema = { a = \"STRNG\" }\n"),
      "3:16: the type of column \"a\": \"STRNG\" is not a BigQuery type, did you mean \"STRING\"?");
  EXPECT_EQ(fault("table = \"a.b\"\nschema = { a = 1 }\n"),
            "3:16: the type of column \"a\" must be a string, not the integer 1");
  EXPECT_EQ(
      fault("table = \"a.b\"\nschema = { a = \"BOOL\", A = \"BOOL\" }\n"),
      "3:24: column \"A\" is there already, as \"a\": a warehouse does not tell capitals apart");
  EXPECT_EQ(
      fault("table = \"a.b\"\nwrite = \"partition\"\nschema = { data_date = \"DATE\" }\n"),
      "4:12: the column \"data_date\" is added by write = \"partition\"; give yours another name");
  EXPECT_EQ(fault("table = \"a.b\"\n[actions.application.deliver.\"q.csv\"]\ntable = \"a.b\"\n"),
            "4:9: \"table\": \"a.b\" gets another file of this action already");
}

// A key that no row can have, or that the warehouse could not tell apart, is told before a run.
TEST(ServiceFile, ChecksTheKeysOfDeliveries) {
  const auto fault = [](const std::string& text) {
    const auto message =
        FaultOf("[actions.application.deliver.\"p.csv\"]\ntable = \"a.b\"\n" + text + "\n");
    return message.empty() ? "" : message.substr(12);
  };
  const std::string schema = "schema = { id = \"string\", day = \"DATE\", p = \"FLOAT64\" }\n";
  EXPECT_EQ(fault("key = \"id\""), "");
  EXPECT_EQ(fault(schema + "max_age = \"36h\"\nkey = [\"id\", \"day\"]"), "");
  EXPECT_EQ(fault(schema + "key = [\"id\", \"dya\"]"),
            "4:14: \"key\": the schema has no column \"dya\", did you mean \"day\"?");
  EXPECT_EQ(fault(schema + "key = \"p\""),
            "4:7: \"key\": column \"p\" is FLOAT64, and a key is of STRING, INT64, BOOL and DATE");
  EXPECT_EQ(
      fault("key = []"),
      "3:7: \"key\" in [actions.application.deliver.\"p.csv\"] must be one column or several, "
      "at most 16, such as [\"customer_id\"], not an array");
  EXPECT_EQ(fault("key = [\"id\", \"id\"]"), "3:14: \"id\" is in \"key\" already");
  EXPECT_EQ(fault("max_age = \"36h\""),
            "3:1: \"max_age\" is of rows that are asked for by key; it needs key = "
            "[\"customer_id\"]");
  EXPECT_EQ(
      fault("write = \"partition\"\nkey = [\"id\", \"data_date\"]"),
      "4:14: \"data_date\" cannot be a column of a key: it is the same in all rows of a partition, "
      "and who asks says as_of for another");
}

TEST(ServiceFile, ChecksTargets) {
  const auto fault = [](const std::string& text) {
    const auto message = FaultOf("[targets.x]\n" + text + "\n");
    return message.empty() ? "" : message.substr(12);
  };
  EXPECT_EQ(fault("executor = \"dokcer://\""),
            "2:12: \"executor\": \"dokcer://\": unknown scheme, did you mean \"docker://\"?");
  // The socket would have been looked for in whatever folder busker was started in.
  EXPECT_EQ(
      fault("executor = \"docker://run/engine.sock\""),
      "2:12: \"executor\": \"docker://run/engine.sock\": names the socket of an engine by its "
      "whole path: docker:///run/docker.sock");
  EXPECT_EQ(fault("executor = \"docker://?network=none\""), "");
  EXPECT_EQ(fault("executor = \"docker://?mount=/a&mount=/b:rw&gpus=all&pull=always\""), "");
  // It was told when a run began.
  EXPECT_EQ(
      fault("executor = \"docker://?netwrk=none\""),
      "2:12: \"executor\": \"docker://?netwrk=none\": unknown setting \"netwrk\", did you mean "
      "\"network\"?");
  EXPECT_EQ(fault("executor = \"docker:///run/d.sock?x=1\""),
            "2:12: \"executor\": \"docker:///run/d.sock?x=1\": unknown setting \"x\", there are "
            "network, mount, gpus, pull");
  EXPECT_EQ(fault("executor = \"docker://?network\""),
            "2:12: \"executor\": \"docker://?network\": \"network\" has no value");
  EXPECT_EQ(
      fault("executor = \"docker://?mount=data\""),
      "2:12: \"executor\": \"docker://?mount=data\": \"mount=data\": a folder is mounted by its "
      "whole path, as mount=/data");
  EXPECT_EQ(fault("executor = \"ssh://x\""),
            "2:12: \"executor\": \"ssh://x\": unknown scheme; write process:// or docker:// or "
            "compute-engine://PROJECT/ZONE?machine_type=e2-standard-2 or kubernetes://NAMESPACE");
  EXPECT_EQ(fault("executor = \"docker\""),
            "2:12: \"executor\": \"docker\": is not a place; write process:// or docker:// or "
            "compute-engine://PROJECT/ZONE?machine_type=e2-standard-2 or kubernetes://NAMESPACE");
  EXPECT_EQ(fault("executor = \"compute-engine://project\""),
            "2:12: \"executor\": \"compute-engine://project\": is not whole; write it like "
            "compute-engine://PROJECT/ZONE?machine_type=e2-standard-2");
  EXPECT_EQ(fault("artifacts = \"file://artifacts\""),
            "2:13: \"artifacts\": \"file://artifacts\": is not whole; write it like "
            "file:///srv/artifacts");
  EXPECT_EQ(fault("artifacts = \"gs://\""),
            "2:13: \"artifacts\": \"gs://\": is not whole; write it like gs://BUCKET");
  EXPECT_EQ(fault("warehouse = \"bigqeury://p\""),
            "2:13: \"warehouse\": \"bigqeury://p\": unknown scheme, did you mean \"bigquery://\"?");
  EXPECT_EQ(fault("log = \"file://${ROOT}/log\""),
            "2:7: \"log\": \"file://${ROOT}/log\": placeholders are not replaced in targets");
  EXPECT_EQ(
      fault("image = \"--privileged\""),
      "2:9: \"image\": \"--privileged\" is not a container image such as registry.example/churn");
  for (const char* good :
       {"executor = \"process://\"", "executor = \"docker://\"", "executor = \"kubernetes://ml\"",
        "executor = \"compute-engine://p/europe-west1-b,us-central1-ai1a?machine_type=n1\"",
        "artifacts = \"file:///srv/a\"", "artifacts = \"s3://b/prefix\"",
        "warehouse = \"embedded://\"", "warehouse = \"embedded:///srv/w\"",
        "warehouse = \"postgresql://h:5432/d?user=x\"", "log = \"cloud-logging://p\"",
        "image = \"eu.gcr.io/p/x@sha256:ab\""}) {
    EXPECT_EQ(fault(good), "") << good;
  }
}

TEST(ServiceFile, RefusesMachinesThatNoCloudHas) {
  const auto fault = [](const std::string& place) {
    const std::string told =
        FaultOf("[targets.prod]\nexecutor = \"compute-engine://" + place + "\"\n");
    // The place itself may be long, and is cut then.
    const std::size_t place_at = told.find("2:12: \"executor\": \"compute-engine://");
    const std::size_t end = told.find("\": ", place_at + 20);
    return place_at == std::string::npos ? told : told.substr(end + 3);
  };
  const std::string good = "example-project/europe-west1-b?machine_type=e2-standard-2";
  EXPECT_EQ(fault(good), "");
  EXPECT_EQ(fault("example.com:p/europe-west1-b,europe-west1-c?machine_type=n1-standard-1"), "");
  EXPECT_EQ(fault("p/europe-west1-b"),
            "says no machine type; write compute-engine://p/europe-west1-b?machine_type="
            "e2-standard-2");
  EXPECT_EQ(fault("p/europe-west1-b?machine_type=E2"),
            "\"E2\" is not a machine type such as e2-standard-2");
  EXPECT_EQ(fault("p/europe-west1-b?machine_type="),
            "\"\" is not a machine type such as e2-standard-2");
  EXPECT_EQ(fault(good + "&machine_type=e2-small"), "says machine_type twice");
  EXPECT_EQ(fault("p/europe-west1-b?machinetype=e2-small"),
            "unknown setting \"machinetype\", did you mean \"machine_type\"?");
  EXPECT_EQ(fault("p/europe-west1-b?zone=x"), "unknown setting \"zone\", there is machine_type");
  EXPECT_EQ(fault("p/europe-west1?machine_type=e2-small"),
            "\"europe-west1\" is a region; name zones of it, as europe-west1-b");
  EXPECT_EQ(fault("p/moon?machine_type=e2-small"), "\"moon\" is not a zone such as europe-west1-b");
  EXPECT_EQ(fault("p/europe-west1-b,?machine_type=e2-small"),
            "\"\" is not a zone such as europe-west1-b");
  EXPECT_EQ(fault("p/europe-west1-b,europe-west1-b?machine_type=e2-small"),
            "names europe-west1-b twice");
  EXPECT_EQ(fault("P_1/europe-west1-b?machine_type=e2-small"),
            "\"P_1\" is not a project's id such as example-project");
  EXPECT_EQ(fault("p/europe-west1-b/x?machine_type=e2-small"),
            "is not whole; write it like compute-engine://PROJECT/ZONE?machine_type=e2-standard-2");
  // What is a key of its own is not said in a second way.
  EXPECT_EQ(fault(good + "&network=default"),
            "\"network\" is a key of its own in the target: network = \"default\"");
  EXPECT_EQ(fault(good + "&accelerator=nvidia-l4:1"),
            "\"accelerator\": this version of Busker makes machines without GPUs; containers of "
            "this machine have them by docker://?gpus=all");
}

TEST(ServiceFile, ReadsTheKeysOfMachinesOrSaysWhatIsWrong) {
  const auto fault = [](const std::string& line) {
    const std::string told = FaultOf("[targets.prod]\n" + line + "\n");
    return told.substr(std::min(told.find("2:"), told.size()));
  };
  for (const char* good :
       {"service_account = \"t@p.iam.gserviceaccount.com\"", "network = \"default\"",
        "network = \"projects/p/global/networks/n\"", "public_ip = false",
        "subnetwork = \"regions/europe-west1/subnetworks/s\"", "disk = { size = \"50GiB\" }",
        "disk = { type = \"pd-ssd\" }", "labels = { team = \"forecasts\", cost = \"\" }",
        "keep_on_failure = \"30m\"", "spot_attempts = 2"}) {
    EXPECT_EQ(fault(good), "") << good;
  }
  EXPECT_EQ(
      fault("service_account = \"training\""),
      "2:19: \"service_account\" in [targets.prod] must be the address of a service account, "
      "such as \"training@example-project.iam.gserviceaccount.com\", not the string \"training\"");
  EXPECT_EQ(fault("network = \"a&b=c\""),
            "2:11: \"network\" in [targets.prod] must be a name, or the path of a resource from "
            "projects/ or regions/ on, such as \"default\", not the string \"a&b=c\"");
  EXPECT_TRUE(fault("public_ip = \"no\"").starts_with("2:13: \"public_ip\""));
  EXPECT_TRUE(fault("disk = { size = \"5GiB\" }").starts_with("2:17: \"size\" in \"disk\""))
      << fault("disk = { size = \"5GiB\" }");
  EXPECT_TRUE(fault("disk = { size = \"50GB\" }").find("in whole GiB") != std::string::npos)
      << fault("disk = { size = \"50GB\" }");
  EXPECT_NE(fault("disk = { type = \"pd-sdd\" }").find("pd-ssd"), std::string::npos);
  EXPECT_TRUE(fault("disk = \"50GiB\"").starts_with("2:8: \"disk\" in [targets.prod] must be"));
  EXPECT_EQ(
      fault("labels = { Team = \"x\" }"),
      "2:12: \"labels\": \"Team\" = \"x\": is not a valid name of a label: a-z, 0-9, \"_\" and "
      "\"-\", a letter first, at most 63");
  EXPECT_EQ(fault("labels = { busker-home = \"x\" }"),
            "2:12: \"labels\": \"busker-home\" = \"x\": labels that begin with busker- are "
            "Busker's own");
  EXPECT_NE(fault("labels = { team = \"A B\" }").find("is not a valid value of a label"),
            std::string::npos);
  EXPECT_TRUE(fault("keep_on_failure = \"0s\"").starts_with("2:19: "));
  EXPECT_TRUE(fault("spot_attempts = 0").starts_with("2:17: "));
  // Words of the field that are refused, each with what to do.
  EXPECT_EQ(fault("machine_type = \"e2-small\""),
            "2:1: \"machine_type\" stands behind the place: executor = "
            "\"compute-engine://PROJECT/ZONE?machine_type=e2-standard-2\"");
  EXPECT_EQ(fault("spot = true"),
            "2:1: \"spot\": Spot machines are asked for by spot_attempts = 2");
  EXPECT_TRUE(fault("accelerator = \"nvidia-l4:1\"").starts_with("2:1: \"accelerator\": this "));
  EXPECT_TRUE(fault("boot_ahead = true").starts_with("2:1: \"boot_ahead\": this version "));
}

TEST(ServiceFile, ShowsHostileTextHarmlessly) {
  const std::string fault = FaultOf("\"\\u001b[31m\\n" + std::string(500, 'k') + "\" = 1\n");
  EXPECT_EQ(fault.find('\x1b'), std::string::npos);
  EXPECT_EQ(fault.find('\n'), std::string::npos);
  EXPECT_LT(fault.size(), 300U);
}

}  // namespace
}  // namespace busker::service
