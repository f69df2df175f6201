// prediction --action training|application --config FILE
//
// What does a house cost? A straight line through those that were sold: put your model in its
// place, and your data in that of houses.csv.
#include <cmath>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

struct House {
  std::string id;
  double area, price;
};

std::vector<House> ReadHouses() {
  std::ifstream file("houses.csv");
  std::string id, area, price;
  std::getline(file, id);  // the names of the columns
  std::vector<House> houses;
  while (std::getline(file, id, ',') && std::getline(file, area, ',') &&
         std::getline(file, price)) {
    houses.push_back({id, std::stod(area), std::stod(price)});
  }
  if (houses.empty()) throw std::runtime_error("houses.csv has no houses");
  return houses;
}

// What is left in output/ is the version; the gate reads metrics.json.
void Train() {
  const std::vector<House> houses = ReadHouses();
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const House& one : houses) {
    x += one.area, y += one.price, xx += one.area * one.area, xy += one.area * one.price;
  }
  const double n = static_cast<double>(houses.size());
  const double slope = (n * xy - x * y) / (n * xx - x * x), start = (y - slope * x) / n;
  double squares = 0;
  for (const House& one : houses) squares += std::pow(one.price - start - slope * one.area, 2);
  std::ofstream("output/model.txt") << start << ' ' << slope << '\n';
  std::ofstream("output/metrics.json")
      << "{ \"rmse\": " << std::sqrt(squares / n) << ", \"rows\": " << n << " }\n";
  std::cout << "learned from " << n << " houses\n";
}

// output/ has the live version in it.
void Apply() {
  double start = 0, slope = 0;
  if (!(std::ifstream("output/model.txt") >> start >> slope))
    throw std::runtime_error("output/model.txt is not a model");
  std::ofstream predictions("output/predictions.csv");
  predictions << "house_id,price\n";
  for (const House& one : ReadHouses())
    predictions << one.id << ',' << start + slope * one.area << '\n';
}

int main(int argc, char** argv) try {
  const std::string action = argc == 5 ? argv[2] : "";
  if (action == "training") return Train(), 0;
  if (action == "application") return Apply(), 0;
  std::cerr << "prediction: usage: prediction --action training|application --config FILE\n";
  return 2;
} catch (const std::exception& error) {
  std::cerr << "prediction: " << error.what() << '\n';
  return 1;
}
