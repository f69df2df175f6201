// Instances in the forms that clients of TensorFlow Serving, KServe, Vertex AI, SageMaker and
// MLflow send: an object of JSON with exactly one of
//
//   "instances"           rows: objects by name, or lists in the signature's order
//   "inputs"              the same, or columns: an object of lists by name
//   "dataframe_records"   rows: objects by name                           (MLflow)
//   "dataframe_split"     {"columns": [...], "data": [[...], ...]}        (MLflow)
//
// or CSV (RFC 4180): a line of names, then a line for each instance. Other members are let pass.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "predict/instances.h"

namespace busker::online {

struct Tabular {
  predict::Rows rows;
  bool by_columns = false;  // "inputs": the answer is "outputs"
};

enum class Forms { kTensorFlow, kMlflow };  // the first two; all

// Without the byte order mark that programs of Windows put before UTF-8; what follows reads it so.
std::string_view WithoutMark(std::string_view text);

Result<Tabular> ReadTabular(std::string_view json, Forms forms, predict::InstanceReader& reader);

// `header`: the first line has the names; else the cells are in the signature's order. An empty
// cell is missing.
Result<Tabular> ReadCsv(std::string_view csv, bool header, predict::InstanceReader& reader);

// By the body's Content-Type: text/csv (";header=absent": without the line of names), or JSON,
// which is what no type means, too. Others are kInvalid.
Result<Tabular> ReadBody(std::string_view content_type, std::string_view body, Forms forms,
                         predict::InstanceReader& reader);

// "[0.5, 0.25]", or, of several outputs, "[{"low": 0.5, "high": 1}, ...]".
std::string RowsAsJson(const predict::Signature& signature, const std::vector<float>& values);
// Of one output: a list; of several: {"low": [...], "high": [...]}.
std::string ColumnsAsJson(const predict::Signature& signature, const std::vector<float>& values);
// A line of names, then one for each row.
std::string RowsAsCsv(const predict::Signature& signature, const std::vector<float>& values);

}  // namespace busker::online
