//! The standard functions: what is declared, in upstream's order.
//!
//! What they do is in [`super::arithmetic`], [`super::convert`] and [`super::dates`]. Logical operators, selection and
//! indexing are declared here and evaluated in [`super::interpret`]. Start at [`overloads`].

use super::arithmetic as does;
use super::ast::operator as op;
use super::convert;
use super::dates;
use super::overload::{EvalError, EvalResult, Overload};
use super::standard_costs as costs;
use super::types::Type;
use super::types::Type::{Bool, Bytes, Double, Duration, Dyn, Int, String, Timestamp, Uint};
use super::value::Value;

/// Implementation of an overload.
type Eval = fn(&[Value]) -> EvalResult;

/// All standard overloads. The mark says that one implementation serves the whole function and looks at values itself.
pub(super) fn overloads() -> Vec<(Overload, bool)> {
    let mut table = Table { rows: Vec::new() };
    table.logic();
    table.math();
    table.relations();
    table.containers();
    table.conversions();
    table.texts();
    table.accessors();
    table.optionals();
    table.rows
}

struct Table {
    rows: Vec<(Overload, bool)>,
}

/// What the evaluator does by itself has no implementation here.
fn nowhere(_: &[Value]) -> EvalResult {
    Err(EvalError::NoSuchOverload)
}

fn a() -> Type {
    Type::Param("A")
}

fn b() -> Type {
    Type::Param("B")
}

impl Table {
    fn add(
        &mut self,
        function: &'static str,
        id: &'static str,
        args: Vec<Type>,
        result: Type,
        eval: Eval,
    ) {
        self.rows.push((row(function, id, false, args, result, eval), true));
    }

    /// A member that looks at values itself.
    fn member(
        &mut self,
        function: &'static str,
        id: &'static str,
        args: Vec<Type>,
        result: Type,
        eval: Eval,
    ) {
        self.rows.push((row(function, id, true, args, result, eval), true));
    }

    /// One of several overloads that are told apart by the types of their values.
    fn guarded(
        &mut self,
        function: &'static str,
        id: &'static str,
        member: bool,
        args: Vec<Type>,
        result: Type,
        eval: Eval,
    ) {
        self.rows.push((row(function, id, member, args, result, eval), false));
    }

    fn logic(&mut self) {
        self.add(op::CONDITIONAL, "conditional", vec![Bool, a(), a()], a(), nowhere);
        self.add(op::AND, "logical_and", vec![Bool, Bool], Bool, nowhere);
        self.add(op::OR, "logical_or", vec![Bool, Bool], Bool, nowhere);
        self.add(op::NOT, "logical_not", vec![Bool], Bool, does::not);
        self.add(op::NOT_STRICTLY_FALSE, "not_strictly_false", vec![Bool], Bool, nowhere);
        self.add(op::EQUALS, "equals", vec![a(), a()], Bool, nowhere);
        self.add(op::NOT_EQUALS, "not_equals", vec![a(), a()], Bool, nowhere);
    }

    fn math(&mut self) {
        let list = || Type::list(a());
        let mut binary = |function, id, x, y, result, eval| {
            self.add(function, id, vec![x, y], result, eval);
        };
        binary(op::ADD, "add_bytes", Bytes, Bytes, Bytes, does::add as Eval);
        binary(op::ADD, "add_double", Double, Double, Double, does::add);
        binary(op::ADD, "add_duration_duration", Duration, Duration, Duration, does::add);
        binary(op::ADD, "add_duration_timestamp", Duration, Timestamp, Timestamp, does::add);
        binary(op::ADD, "add_timestamp_duration", Timestamp, Duration, Timestamp, does::add);
        binary(op::ADD, "add_int64", Int, Int, Int, does::add);
        binary(op::ADD, "add_list", list(), list(), list(), does::add);
        binary(op::ADD, "add_string", String, String, String, does::add);
        binary(op::ADD, "add_uint64", Uint, Uint, Uint, does::add);
        binary(op::DIVIDE, "divide_double", Double, Double, Double, does::divide);
        binary(op::DIVIDE, "divide_int64", Int, Int, Int, does::divide);
        binary(op::DIVIDE, "divide_uint64", Uint, Uint, Uint, does::divide);
        binary(op::MODULO, "modulo_int64", Int, Int, Int, does::modulo);
        binary(op::MODULO, "modulo_uint64", Uint, Uint, Uint, does::modulo);
        binary(op::MULTIPLY, "multiply_double", Double, Double, Double, does::multiply);
        binary(op::MULTIPLY, "multiply_int64", Int, Int, Int, does::multiply);
        binary(op::MULTIPLY, "multiply_uint64", Uint, Uint, Uint, does::multiply);
        binary(op::SUBTRACT, "subtract_double", Double, Double, Double, does::subtract);
        binary(op::SUBTRACT, "subtract_duration_duration", Duration, Duration, Duration, does::subtract);
        binary(op::SUBTRACT, "subtract_int64", Int, Int, Int, does::subtract);
        binary(op::SUBTRACT, "subtract_timestamp_duration", Timestamp, Duration, Timestamp, does::subtract);
        binary(op::SUBTRACT, "subtract_timestamp_timestamp", Timestamp, Timestamp, Duration, does::subtract);
        binary(op::SUBTRACT, "subtract_uint64", Uint, Uint, Uint, does::subtract);
        self.add(op::NEGATE, "negate_double", vec![Double], Double, does::negate);
        self.add(op::NEGATE, "negate_int64", vec![Int], Int, does::negate);
    }

    fn relations(&mut self) {
        self.relation(op::LESS, does::less, LESS_IDS);
        self.relation(op::LESS_EQUALS, does::less_equals, LESS_EQUALS_IDS);
        self.relation(op::GREATER, does::greater, GREATER_IDS);
        self.relation(op::GREATER_EQUALS, does::greater_equals, GREATER_EQUALS_IDS);
    }

    fn relation(&mut self, function: &'static str, eval: Eval, ids: [&'static str; 14]) {
        let pairs = [
            (Bool, Bool),
            (Int, Int),
            (Int, Double),
            (Int, Uint),
            (Uint, Uint),
            (Uint, Double),
            (Uint, Int),
            (Double, Double),
            (Double, Int),
            (Double, Uint),
            (String, String),
            (Bytes, Bytes),
            (Timestamp, Timestamp),
            (Duration, Duration),
        ];
        for (id, (x, y)) in ids.into_iter().zip(pairs) {
            self.add(function, id, vec![x, y], Bool, eval);
        }
    }

    fn containers(&mut self) {
        let list = || Type::list(a());
        let map = || Type::map(a(), b());
        self.add(op::INDEX, "index_list", vec![list(), Int], a(), nowhere);
        self.add(op::INDEX, "index_map", vec![map(), a()], b(), nowhere);
        self.add(op::IN, "in_list", vec![a(), list()], Bool, does::is_in);
        self.add(op::IN, "in_map", vec![a(), map()], Bool, does::is_in);
        self.add("size", "size_bytes", vec![Bytes], Int, does::size);
        self.member("size", "bytes_size", vec![Bytes], Int, does::size);
        self.add("size", "size_list", vec![list()], Int, does::size);
        self.member("size", "list_size", vec![list()], Int, does::size);
        self.add("size", "size_map", vec![map()], Int, does::size);
        self.member("size", "map_size", vec![map()], Int, does::size);
        self.add("size", "size_string", vec![String], Int, does::size);
        self.member("size", "string_size", vec![String], Int, does::size);
    }

    fn conversions(&mut self) {
        let of = Type::Type(Box::new(a()));
        self.add("type", "type", vec![a()], of, convert::type_of);
        self.add("dyn", "to_dyn", vec![a()], Dyn, convert::same);
        let mut to = |function, id, from, result, eval| {
            self.guarded(function, id, false, vec![from], result, eval);
        };
        to("bool", "bool_to_bool", Bool, Bool, convert::same as Eval);
        to("bool", "string_to_bool", String, Bool, convert::to_bool);
        to("bytes", "bytes_to_bytes", Bytes, Bytes, convert::same);
        to("bytes", "string_to_bytes", String, Bytes, convert::to_bytes);
        to("double", "double_to_double", Double, Double, convert::same);
        to("double", "int64_to_double", Int, Double, convert::to_double);
        to("double", "string_to_double", String, Double, convert::to_double);
        to("double", "uint64_to_double", Uint, Double, convert::to_double);
        to("duration", "duration_to_duration", Duration, Duration, convert::same);
        to("duration", "string_to_duration", String, Duration, convert::to_duration);
        to("int", "int64_to_int64", Int, Int, convert::same);
        to("int", "double_to_int64", Double, Int, convert::to_int);
        to("int", "duration_to_int64", Duration, Int, convert::to_int);
        to("int", "string_to_int64", String, Int, convert::to_int);
        to("int", "timestamp_to_int64", Timestamp, Int, convert::to_int);
        to("int", "uint64_to_int64", Uint, Int, convert::to_int);
        to("string", "string_to_string", String, String, convert::same);
        to("string", "bool_to_string", Bool, String, convert::to_string);
        to("string", "bytes_to_string", Bytes, String, convert::to_string);
        to("string", "double_to_string", Double, String, convert::to_string);
        to("string", "duration_to_string", Duration, String, convert::to_string);
        to("string", "int64_to_string", Int, String, convert::to_string);
        to("string", "timestamp_to_string", Timestamp, String, convert::to_string);
        to("string", "uint64_to_string", Uint, String, convert::to_string);
        to("timestamp", "timestamp_to_timestamp", Timestamp, Timestamp, convert::same);
        to("timestamp", "int64_to_timestamp", Int, Timestamp, convert::to_timestamp);
        to("timestamp", "string_to_timestamp", String, Timestamp, convert::to_timestamp);
        to("uint", "uint64_to_uint64", Uint, Uint, convert::same);
        to("uint", "double_to_uint64", Double, Uint, convert::to_uint);
        to("uint", "int64_to_uint64", Int, Uint, convert::to_uint);
        to("uint", "string_to_uint64", String, Uint, convert::to_uint);
    }

    fn texts(&mut self) {
        let two = || vec![String, String];
        self.member("contains", "contains_string", two(), Bool, does::contains);
        self.member("endsWith", "ends_with_string", two(), Bool, does::ends_with);
        self.member("startsWith", "starts_with_string", two(), Bool, does::starts_with);
        self.add("matches", "matches", two(), Bool, does::matches);
        self.member("matches", "matches_string", two(), Bool, does::matches);
    }

    fn accessors(&mut self) {
        for (function, id, id_with_zone, eval) in dates::ACCESSORS {
            self.guarded(function, id, true, vec![Timestamp], Int, eval);
            let args = vec![Timestamp, String];
            self.guarded(function, id_with_zone, true, args, Int, eval);
        }
        for (function, id, eval) in dates::DURATION_ACCESSORS {
            self.guarded(function, id, true, vec![Duration], Int, eval);
        }
    }

    /// Selection and indexing with a question mark, and in optionals.
    fn optionals(&mut self) {
        let v = || Type::Param("V");
        let list = || Type::list(v());
        let map = || Type::map(Type::Param("K"), v());
        let key = || Type::Param("K");
        let some = Type::optional;
        let mut index = |function, id, of, by| {
            self.add(function, id, vec![of, by], some(v()), nowhere);
        };
        index(op::OPT_SELECT, "select_optional_field", Dyn, String);
        index(op::OPT_INDEX, "list_optindex_optional_int", list(), Int);
        index(op::OPT_INDEX, "optional_list_optindex_optional_int", some(list()), Int);
        index(op::OPT_INDEX, "map_optindex_optional_value", map(), key());
        index(op::OPT_INDEX, "optional_map_optindex_optional_value", some(map()), key());
        index(op::INDEX, "optional_list_index_int", some(list()), Int);
        index(op::INDEX, "optional_map_index_value", some(map()), key());
    }
}

fn row(
    function: &'static str,
    id: &'static str,
    member: bool,
    args: Vec<Type>,
    result: Type,
    eval: Eval,
) -> Overload {
    Overload {
        id,
        function,
        member,
        args,
        result,
        eval,
        cost: costs::cost(id),
    }
}

const LESS_IDS: [&str; 14] = [
    "less_bool", "less_int64", "less_int64_double", "less_int64_uint64", "less_uint64", "less_uint64_double",
    "less_uint64_int64", "less_double", "less_double_int64", "less_double_uint64", "less_string", "less_bytes",
    "less_timestamp", "less_duration",
];
const LESS_EQUALS_IDS: [&str; 14] = [
    "less_equals_bool", "less_equals_int64", "less_equals_int64_double", "less_equals_int64_uint64",
    "less_equals_uint64", "less_equals_uint64_double", "less_equals_uint64_int64", "less_equals_double",
    "less_equals_double_int64", "less_equals_double_uint64", "less_equals_string", "less_equals_bytes",
    "less_equals_timestamp", "less_equals_duration",
];
const GREATER_IDS: [&str; 14] = [
    "greater_bool", "greater_int64", "greater_int64_double", "greater_int64_uint64", "greater_uint64",
    "greater_uint64_double", "greater_uint64_int64", "greater_double", "greater_double_int64",
    "greater_double_uint64", "greater_string", "greater_bytes", "greater_timestamp", "greater_duration",
];
const GREATER_EQUALS_IDS: [&str; 14] = [
    "greater_equals_bool", "greater_equals_int64", "greater_equals_int64_double", "greater_equals_int64_uint64",
    "greater_equals_uint64", "greater_equals_uint64_double", "greater_equals_uint64_int64",
    "greater_equals_double", "greater_equals_double_int64", "greater_equals_double_uint64",
    "greater_equals_string", "greater_equals_bytes", "greater_equals_timestamp", "greater_equals_duration",
];
