//! How the product's types stand in columns, and the macros that make structs of rows.
//!
//! [`Column`] reads, [`Bind`] writes. States and names are text, instants are microseconds, JSON is
//! text that is not parsed here.

use nephele_model::agent::AgentState;
use nephele_model::archive::ArchiveStatus;
use nephele_model::blueprint::BlueprintState;
use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{
    BlueprintId, DeploymentId, ExecutionId, GraphId, NodeId, NodeInstanceId, TaskId, TenantName, Username,
};
use nephele_model::instance::InstanceState;
use nephele_model::phase::{PhaseEnd, PhaseKind};
use nephele_model::plugin::InstallationState;
use nephele_model::task::{TaskKind, TaskState};
use nephele_model::update::{ModificationStatus, StepAction, UpdateState};
use nephele_model::{Role, Timestamp, Visibility};
use sea_query::Value;

use crate::backend::Row;
use crate::db::FromRow;
use crate::error::{Error, Result};
use crate::json::{Json, without_nul};

/// A type that can be read from a column.
pub(crate) trait Column: Sized {
    fn read(row: &Row, index: usize) -> Result<Self>;
}

/// A type that can be given to a statement.
pub(crate) trait Bind {
    const NULL: Value;
    fn bind(self) -> Value;
}

macro_rules! plain {
    ($($type:ty => $variant:ident,)*) => {$(
        impl Column for $type {
            fn read(row: &Row, index: usize) -> Result<Self> {
                row.raw(index)
            }
        }

        impl Bind for $type {
            const NULL: Value = Value::$variant(None);
            fn bind(self) -> Value {
                Value::$variant(Some(self))
            }
        }
    )*};
}

plain! {
    i64 => BigInt,
    f64 => Double,
    bool => Bool,
}

impl Column for String {
    fn read(row: &Row, index: usize) -> Result<Self> {
        row.raw(index)
    }
}

impl Bind for String {
    const NULL: Value = Value::String(None);
    fn bind(self) -> Value {
        Value::String(Some(without_nul(self)))
    }
}

impl Bind for &str {
    const NULL: Value = Value::String(None);
    fn bind(self) -> Value {
        self.to_owned().bind()
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &Row, index: usize) -> Result<Self> {
        if row.is_null(index)? { Ok(None) } else { T::read(row, index).map(Some) }
    }
}

impl<T: Bind> Bind for Option<T> {
    const NULL: Value = T::NULL;
    fn bind(self) -> Value {
        self.map_or(T::NULL, T::bind)
    }
}

impl<T: Bind + Clone> Bind for &T {
    const NULL: Value = T::NULL;
    fn bind(self) -> Value {
        self.clone().bind()
    }
}

impl Column for Timestamp {
    fn read(row: &Row, index: usize) -> Result<Self> {
        row.raw(index).map(Self::from_micros)
    }
}

impl Bind for Timestamp {
    const NULL: Value = i64::NULL;
    fn bind(self) -> Value {
        self.micros().bind()
    }
}

impl Column for Json {
    fn read(row: &Row, index: usize) -> Result<Self> {
        row.raw(index).map(Self::from_column)
    }
}

impl Bind for Json {
    const NULL: Value = String::NULL;
    fn bind(self) -> Value {
        Value::String(Some(self.into_text()))
    }
}

/// Types that stand as text: how to read them, and that `as_str` writes them.
macro_rules! texts {
    ($($type:ty => $parse:expr,)*) => {$(
        impl Column for $type {
            fn read(row: &Row, index: usize) -> Result<Self> {
                let text: &str = row.raw(index)?;
                $parse(text).ok_or_else(|| Error::Decode { column: index, text: text.to_owned() })
            }
        }

        impl Bind for $type {
            const NULL: Value = String::NULL;
            fn bind(self) -> Value {
                self.as_str().bind()
            }
        }
    )*};
}

texts! {
    Visibility => Self::parse,
    Role => Self::parse,
    BlueprintState => Self::parse,
    InstallationStatus => Self::parse,
    DeploymentStatus => Self::parse,
    ExecutionStatus => Self::parse,
    AgentState => Self::parse,
    ArchiveStatus => Self::parse,
    InstallationState => Self::parse,
    PhaseEnd => Self::parse,
    PhaseKind => Self::parse,
    ModificationStatus => Self::parse,
    StepAction => Self::parse,
    TaskState => Self::parse,
    UpdateState => Self::parse,
    TaskKind => Self::parse,
    InstanceState => |text: &str| Some(Self::new(text)),
    TenantName => |text: &str| Some(Self::new(text)),
    Username => |text: &str| Some(Self::new(text)),
    BlueprintId => |text: &str| Some(Self::new(text)),
    DeploymentId => |text: &str| Some(Self::new(text)),
    NodeId => |text: &str| Some(Self::new(text)),
    NodeInstanceId => |text: &str| Some(Self::new(text)),
    ExecutionId => |text: &str| Some(Self::new(text)),
    TaskId => |text: &str| Some(Self::new(text)),
    GraphId => |text: &str| Some(Self::new(text)),
}

macro_rules! tuples {
    ($(($($part:ident $index:tt),*),)*) => {$(
        impl<$($part: Column),*> FromRow for ($($part,)*) {
            fn from_row(row: &Row) -> Result<Self> {
                Ok(($($part::read(row, $index)?,)*))
            }
        }
    )*};
}

tuples! {
    (A 0),
    (A 0, B 1),
    (A 0, B 1, C 2),
    (A 0, B 1, C 2, D 3),
}

/// The values of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::column::Bind::bind($value)),*] };
}
pub(crate) use values;

/// The SQL of a field: what was given, else the column of the row `r` that is named like it.
macro_rules! expression {
    ($field:ident) => {
        concat!("r.", stringify!($field))
    };
    ($field:ident $sql:literal) => {
        $sql
    };
}
pub(crate) use expression;

/// A struct that is read from a row `r`: each field is a column of its name, or the SQL after `=`.
macro_rules! row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(#[$doc:meta])* $first:ident: $first_type:ty $(= $first_sql:literal)?,
            $($(#[$docs:meta])* $field:ident: $type:ty $(= $sql:literal)?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $(#[$doc])* $vis $first: $first_type,
            $($(#[$docs])* $vis $field: $type,)*
        }

        impl $name {
            /// What to select, in the order of the fields.
            pub(crate) const COLUMNS: &'static str = concat!(
                $crate::column::expression!($first $($first_sql)?),
                $(", ", $crate::column::expression!($field $($sql)?),)*
            );
        }

        impl $crate::db::FromRow for $name {
            fn from_row(row: &$crate::backend::Row) -> $crate::error::Result<Self> {
                let mut columns = 0..;
                let mut next = || columns.next().unwrap_or_default();
                Ok(Self {
                    $first: $crate::column::Column::read(row, next())?,
                    $($field: $crate::column::Column::read(row, next())?,)*
                })
            }
        }
    };
}
pub(crate) use row;
